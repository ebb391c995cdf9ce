import CertctlCrypto
import Testing

/// Root, intermediate and leaf for `example.com`, created with the `openssl` command.
struct TestCA {
  let root: Certificate
  let intermediate: Certificate
  let leaf: Certificate
  let leafKey: PrivateKey

  var chain: [Certificate] { [leaf, intermediate] }

  /// Creates the certificates; only the leaf's P-256 key and CSR are from CertctlCrypto.
  static func make() async throws -> TestCA {
    let folder = try TemporaryFolder()
    let path = folder.path
    try await openssl(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "3650", "-subj", "/O=Test/CN=Test Root", "-keyout", "\(path)/root.key", "-out",
      "\(path)/root.pem")
    try await openssl(
      "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Test/CN=Test Intermediate",
      "-keyout", "\(path)/ca.key", "-out", "\(path)/ca.csr")
    let caExtensions = try folder.write(
      Array("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n".utf8), as: "ca.ext"
    )
    try await openssl(
      "x509", "-req", "-in", "\(path)/ca.csr", "-CA", "\(path)/root.pem", "-CAkey",
      "\(path)/root.key", "-set_serial", "2", "-days", "1000", "-extfile", caExtensions, "-out",
      "\(path)/ca.pem")
    let key = try PrivateKey.generate(.ec256)
    let request = try CertificateRequest(
      key: key, dnsNames: ["example.com", "*.example.com"], ipAddresses: ["192.0.2.1"])
    let csr = try folder.write(request.pem, as: "leaf.csr")
    try await openssl(
      "x509", "-req", "-in", csr, "-CA", "\(path)/ca.pem", "-CAkey", "\(path)/ca.key",
      "-set_serial", "0x80ab", "-days", "90", "-copy_extensions", "copy", "-out",
      "\(path)/leaf.pem")
    return TestCA(
      root: try Certificate(pem: folder.read("root.pem")),
      intermediate: try Certificate(pem: folder.read("ca.pem")),
      leaf: try Certificate(pem: folder.read("leaf.pem")), leafKey: key)
  }

  private static func openssl(_ arguments: String...) async throws {
    let result = try await OpenSSLTool.run(words: arguments)
    try #require(result.isSuccess, "openssl \(arguments): \(result.text)")
  }
}
