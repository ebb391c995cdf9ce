import CertctlBase
internal import CertctlSystem

/// Checks of a file of trusted certificates, because curl's error messages are vague.
package enum CABundle {
  /// Throws a descriptive error if curl could not use the file.
  package static func check(_ path: String) async throws {
    try await Blocking.run { try inspect(path) }
  }

  /// Reads and checks the file.
  static func inspect(_ path: String) throws(HostError) {
    let (folder, name) = DurableFolder.folderAndName(of: path)
    let bytes: [UInt8]?
    do throws(HostError) {
      bytes = try folder.read(name, limit: 16 << 20)
    } catch {
      throw refusal(path, error.detail ?? error.description)
    }
    guard let bytes else { throw refusal(path, "the file does not exist") }
    guard String(decoding: bytes, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
      throw refusal(path, "it contains no PEM certificate")
    }
  }

  private static func refusal(_ path: String, _ detail: String) -> HostError {
    HostError(
      .badCABundle, operation: "use the CA bundle", subject: path, detail: detail,
      hint: "set --ca-bundle to a readable PEM file")
  }
}
