import CertctlBase
internal import CertctlSystem

/// The look at a file of trusted certificates before curl gets it, whose own words are poor.
package enum CABundle {
  /// Says what is wrong with a file before curl gets it.
  package static func check(_ path: String) async throws {
    try await Blocking.run { try inspect(path) }
  }

  /// Reads the file and says what is wrong with it.
  static func inspect(_ path: String) throws(HostError) {
    let (folder, name) = DurableFolder.folderAndName(of: path)
    let bytes: [UInt8]?
    do throws(HostError) {
      bytes = try folder.read(name, limit: 16 << 20)
    } catch {
      throw refusal(path, error.detail ?? error.description)
    }
    guard let bytes else { throw refusal(path, "there is no such file") }
    guard String(decoding: bytes, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
      throw refusal(path, "it holds no certificate in PEM form")
    }
  }

  private static func refusal(_ path: String, _ detail: String) -> HostError {
    HostError(
      .badCABundle, operation: "use the CA bundle", subject: path, detail: detail,
      hint: "give --ca-bundle a readable PEM file")
  }
}
