import CertctlSystem

/// The lineage files, `lineages/<name>.json`.
package struct LineageStore: Sendable {
  package let state: StateDirectory

  package init(state: StateDirectory) {
    self.state = state
  }

  func lineage(_ name: LineageName) throws -> Lineage? {
    try file(name).read()
  }

  func names() throws -> [LineageName] {
    try state.lineages.entries()
      .filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
      .compactMap { try? LineageName(String($0.dropLast(5))) }
      .sorted { $0.value < $1.value }
  }

  func save(_ lineage: Lineage) throws {
    try state.create()
    try state.lineages.create(StateDirectory.closed)
    try file(LineageName(lineage.name)).write(lineage)
  }

  func remove(_ name: LineageName) throws {
    try state.lineages.remove("\(name).json")
  }

  private func file(_ name: LineageName) -> StateFile<Lineage> {
    StateFile(folder: state.lineages, name: "\(name).json", version: Lineage.formatVersion)
  }
}
