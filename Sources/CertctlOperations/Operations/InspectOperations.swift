package import CertctlStore

/// An operation that lists all lineages by name, including damaged ones.
package struct ListOperation: Operation {
  package init() {}

  package func run(in context: Context) async throws -> [LineageReport] {
    try await LineageReporter(context: context).list()
  }
}

/// An operation that shows one lineage.
///
/// - Throws: `CertctlError` with code `notFound` if it does not exist.
package struct ShowOperation: Operation {
  package var name: LineageName
  package var findsUses: Bool

  /// A look at a lineage.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - findsUses: Whether the report says which sites and which nginx use it; the nginx that run
  ///     are asked for that.
  package init(_ name: LineageName, findsUses: Bool = false) {
    self.name = name
    self.findsUses = findsUses
  }

  package func run(in context: Context) async throws -> LineageReport {
    var report = try await LineageReporter(context: context).show(name)
    if findsUses { try await UseFinder(context: context).find(name, &report) }
    return report
  }
}
