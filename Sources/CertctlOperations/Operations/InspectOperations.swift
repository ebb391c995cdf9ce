package import CertctlStore

/// What there is, by name: a damaged lineage is reported as such and hides no other.
package struct ListOperation: Operation {
  package init() {}

  package func run(in context: Context) async throws -> [LineageReport] {
    try await LineageReporter(context: context).list()
  }
}

/// One lineage; `notFound` when there is none of that name.
package struct ShowOperation: Operation {
  package var name: LineageName

  package init(_ name: LineageName) { self.name = name }

  package func run(in context: Context) async throws -> LineageReport {
    try await LineageReporter(context: context).show(name)
  }
}
