import CertctlStore
import FoundationEssentials

extension HookOccasion {
  /// Returns the environment variables for hooks, which Hooks.md documents for users.
  ///
  /// No value comes from a CA. Names with unexpected characters are left out.
  func environment(stateDirectory: String) -> [String: String] {
    var variables = ["CERTCTL_EVENT": event.rawValue, "CERTCTL_STATE_DIR": stateDirectory]
    switch self {
    case .pre(let due):
      variables["CERTCTL_NAMES"] = Self.text(due.flatMap(\.names))
    case .deploy(let lineage):
      let folder = lineage.directory ?? "\(stateDirectory)/live/\(lineage.name)"
      variables["CERTCTL_LINEAGE"] = lineage.name
      variables["CERTCTL_NAMES"] = Self.text(lineage.names)
      variables["CERTCTL_LIVE_DIR"] = folder
      // With a user's CSR there is no key file.
      let hasKey = lineage.privkey != nil || lineage.fullchain == nil
      for file in ["cert", "chain", "fullchain"] + (hasKey ? ["privkey"] : []) {
        variables["CERTCTL_\(file.uppercased())"] = "\(folder)/\(file).pem"
      }
      variables["CERTCTL_RSA_FULLCHAIN"] = lineage.rsa?.fullchain
      variables["CERTCTL_RSA_PRIVKEY"] = lineage.rsa?.privkey
      variables["RENEWED_LINEAGE"] = folder
      variables["RENEWED_DOMAINS"] = variables["CERTCTL_NAMES"]
    case .post(let renewed, let failed):
      variables["CERTCTL_NAMES"] = Self.text(renewed.flatMap(\.names))
      variables["RENEWED_DOMAINS"] = variables["CERTCTL_NAMES"]
      variables["FAILED_DOMAINS"] = Self.text(failed.flatMap(\.names))
    case .notify(let notice):
      variables["CERTCTL_LINEAGE"] = notice.lineage
      variables["CERTCTL_NAMES"] = notice.names.map(Self.text)
    }
    return variables
  }

  /// Returns the standard input for hooks: one JSON object and a line feed.
  func input() throws -> [UInt8] {
    let input =
      switch self {
      case .pre(let due): HookInput(event: event, due: due)
      case .deploy(let lineage): HookInput(event: event, certificate: lineage)
      case .post(let renewed, let failed):
        HookInput(event: event, renewed: renewed, failed: failed)
      case .notify(let notice): HookInput(event: event, notice: notice)
      }
    return [UInt8](try StateCoding.encoder().encode(input)) + [UInt8(ascii: "\n")]
  }

  /// Returns the names, separated by spaces, without those that contain unexpected characters.
  private static func text(_ names: [String]) -> String {
    names.filter { name in
      !name.isEmpty
        && name.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "*"):
            true
          default: false
          }
        }
    }
    .joined(separator: " ")
  }
}

/// The JSON object on the standard input of hooks.
private struct HookInput: Encodable {
  let event: HookEvent
  var due: [LineageReport]?
  var certificate: LineageReport?
  var renewed: [LineageReport]?
  var failed: [LineageReport]?
  var notice: HookNotice?

  private enum Key: CodingKey { case version, event, due, certificate, renewed, failed }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(1, forKey: .version)
    try container.encode(event, forKey: .event)
    try container.encodeIfPresent(due, forKey: .due)
    try container.encodeIfPresent(certificate, forKey: .certificate)
    try container.encodeIfPresent(renewed, forKey: .renewed)
    try container.encodeIfPresent(failed, forKey: .failed)
    // The notice's keys go into the object itself: one level is easier for scripts.
    try notice?.encode(to: encoder)
  }
}
