import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The nginx programs that root has verified, for later runs in a sandbox that hides what a process
/// executes.
///
/// The whole title is compared, because it contains the options that the program is run with.
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
  /// A limit that keeps the file small; no host runs as many nginx.
  private static let limit = 32

  /// Returns the store of a state directory.
  static func store(in state: StateDirectory) -> VerifiedNginx { VerifiedNginx(state) }

  private init(_ state: StateDirectory) {
    self.state = state
    file = StateFile(
      folder: state.folder("cache"), name: "nginx.json", version: Record.formatVersion)
  }

  /// Returns whether this program with this title was verified.
  func has(_ nginx: RunningNginx, _ program: TrustedPath) async -> Bool {
    let known = (try? await file.read())?.programs ?? []
    return entry(nginx, program).map(known.contains) ?? false
  }

  /// Adds verified programs.
  ///
  /// - Throws: `HostError` or `CertctlError` if the file cannot be written or is from a newer
  ///   certctl.
  func add(_ found: [RunningNginx]) async throws {
    var record = try await file.read() ?? Record()
    let new = found.compactMap { nginx in nginx.program.flatMap { entry(nginx, $0) } }
      .filter { !record.programs.contains($0) }
    guard !new.isEmpty else { return }
    // An entry with the same title is from before an update of nginx.
    let titles = Set(new.map(\.title))
    record.programs = (record.programs.filter { !titles.contains($0.title) } + new)
      .suffix(Self.limit)
    // The file may be lost, so it needs no crash safety.
    let bytes = try [UInt8](StateCoding.encoder().encode(record)) + [UInt8(ascii: "\n")]
    try await state.cache("nginx.json", bytes)
  }

  private func entry(_ nginx: RunningNginx, _ program: TrustedPath) -> Entry? {
    nginx.process.map {
      Entry(title: $0.title, path: program.resolvedPath, stamp: program.stamp)
    }
  }
}
