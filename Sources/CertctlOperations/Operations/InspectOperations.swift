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

  package init(_ name: LineageName) { self.name = name }

  package func run(in context: Context) async throws -> LineageReport {
    try await LineageReporter(context: context).show(name)
  }
}
