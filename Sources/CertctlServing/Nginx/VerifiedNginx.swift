import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The nginx that a run of root's has verified, for later runs in a sandbox that cannot see what a
/// process executes.
///
/// The whole title counts: it holds the options with which the program would be run.
struct VerifiedNginx: Sendable {
  private struct Record: Codable, Sendable {
    static let formatVersion = 1

    var version = Record.formatVersion
    var programs: [Entry] = []
  }

  private struct Entry: Codable, Sendable, Equatable {
    let title: String
    let path: String
    let stamp: TrustedPath.Stamp
  }

  private let file: StateFile<Record>
  private let state: StateDirectory
  /// More than any host runs; a limit so that the file cannot grow for ever.
  private static let limit = 32

  /// What is kept in a state directory.
  static func store(in state: StateDirectory) -> VerifiedNginx { VerifiedNginx(state) }

  private init(_ state: StateDirectory) {
    self.state = state
    file = StateFile(
      folder: state.folder("cache"), name: "nginx.json", version: Record.formatVersion)
  }

  /// Whether an nginx with this title and this program was verified.
  func has(_ nginx: RunningNginx, _ program: TrustedPath) async -> Bool {
    let known = (try? await file.read())?.programs ?? []
    return entry(nginx, program).map(known.contains) ?? false
  }

  /// Keeps those that were verified now.
  ///
  /// - Throws: `HostError` or `CertctlError` when that cannot be written, or a newer certctl wrote it.
  func add(_ found: [RunningNginx]) async throws {
    var record = try await file.read() ?? Record()
    let new = found.compactMap { nginx in nginx.program.flatMap { entry(nginx, $0) } }
      .filter { !record.programs.contains($0) }
    guard !new.isEmpty else { return }
    // What has the same title is what it was before a new version was installed.
    let titles = Set(new.map(\.title))
    record.programs = (record.programs.filter { !titles.contains($0.title) } + new)
      .suffix(Self.limit)
    // Nothing is lost with it, so that it needs no care for crashes.
    let bytes = try [UInt8](StateCoding.encoder().encode(record)) + [UInt8(ascii: "\n")]
    try await state.cache("nginx.json", bytes)
  }

  private func entry(_ nginx: RunningNginx, _ program: TrustedPath) -> Entry? {
    nginx.process.map {
      Entry(title: $0.title, path: program.resolvedPath, stamp: program.stamp)
    }
  }
}
