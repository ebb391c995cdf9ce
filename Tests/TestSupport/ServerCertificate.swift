/// A self-signed certificate with its key, for a test server's HTTPS.
package struct ServerCertificate: Sendable {
  /// The path of the certificate, which is also the CA bundle for clients.
  package let certificatePath: String
  package let keyPath: String

  /// Creates a certificate for loopback and `names` with the openssl command.
  package static func make(
    in folder: TemporaryFolder, names: [String] = []
  ) async throws -> ServerCertificate {
    let pair = ServerCertificate(
      certificatePath: folder.path("server.pem"), keyPath: folder.path("server-key.pem"))
    let alternatives = (["localhost"] + names).map { "DNS:\($0)" } + ["IP:127.0.0.1", "IP:::1"]
    try await Program(
      "openssl",
      [
        "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-days", "2", "-subj", "/CN=certctl test server",
        "-addext", "subjectAltName=\(alternatives.joined(separator: ","))",
        "-keyout", pair.keyPath, "-out", pair.certificatePath,
      ]
    ).run().requireSuccess("openssl req")
    return pair
  }
}

/// Fetches a URL with curl, independently of the client under test.
package func fetch(
  _ url: String, trusting bundle: String? = nil, posting body: String? = nil
) async throws -> String {
  var arguments = ["--silent", "--show-error", "--fail-with-body", "--noproxy", "*", "-m", "20"]
  if let bundle { arguments += ["--cacert", bundle] }
  if let body { arguments += ["--data-raw", body] }
  return try await Program("curl", arguments + [url]).run().requireSuccess("GET \(url)")
    .standardOutput
}
