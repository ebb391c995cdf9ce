import CertctlCrypto
// Repeatedly uses everything in CertctlCrypto that owns memory of OpenSSL, for a leak checker.
// Synchronous, because valgrind does not support an asynchronous main. Run Tests/leaks.sh.
import FoundationEssentials
import Glibc

let counts = CommandLine.arguments.dropFirst(2).compactMap { Int($0) }
guard counts.count == 3 else {
  print("usage: LeakCheck FOLDER EC_KEYS RSA_2048_KEYS RSA_4096_KEYS")
  exit(64)
}

/// Reads a file that the script has created: `cert.pem`, self-signed for example.com, or `key.pem`.
func read(_ name: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(filePath: CommandLine.arguments[1] + "/" + name)))
}

func check(_ isTrue: Bool, _ what: String) {
  guard !isTrue else { return }
  print("FAILED: \(what)")
  exit(1)
}

/// Uses one key for PEM, a CSR, a signature, a certificate, and failing operations.
func live(_ type: KeyType) throws {
  let key = try PrivateKey(pem: PrivateKey.generate(type).pemRepresentation())
  let message = Array("message".utf8)
  let numbers = try PublicKey(key.publicKey.components())
  let signature = try key.joseSignature(for: message)
  check(try numbers.verifyJOSE(signature, for: message), "signature")
  check(try !numbers.verifyJOSE(signature, for: signature), "wrong message")

  let made = try CertificateRequest(
    key: key, dnsNames: ["example.com", "*.example.com"], ipAddresses: ["2001:db8::1"])
  check(try CertificateRequest(pem: made.pem) == made, "request")
  check((try? CertificateRequest(der: made.der.dropLast())) == nil, "cut request")
  check((try? CertificateRequest(key: key, dnsNames: ["a", ""])) == nil, "empty name")

  let certificate = try ChallengeCertificate.make(
    for: "example.com", digest: Digest.sha256(message), key: key)
  let chain = try Certificate.chain(pem: certificate.pem + certificate.pem)
  check(chain.count == 2 && Certificate.isOrdered(chain), "chain")
  check(certificate.matches(key) && certificate.covers("example.com"), "certificate")
  check((try? Certificate(der: certificate.der + [0])) == nil, "junk behind a certificate")
  check((try? Certificate.chain(pem: certificate.pem.dropLast(40))) == nil, "cut chain")
  check((try? PrivateKey(pem: certificate.pem)) == nil, "no key")
  _ = try HMAC.code(.sha256, key: message, message: message)
}

/// Performs handshakes and verifications that succeed and that fail.
func serve() throws {
  let key = try PrivateKey(pem: read("key.pem"))
  let certificate = try Certificate(pem: read("cert.pem"))
  try trialHandshake(chain: [certificate, certificate], key: key)
  let trust = try TrustStore(pem: certificate.pem)
  try trust.verify([certificate], at: certificate.notBefore.addingTimeInterval(60))
  check((try? trust.verify([certificate], at: certificate.notAfter)) == nil, "expired")
  for name in ["example.com", "example.org"] {
    let server = try TLSEngine(
      server: TLSEngine.ServerConfiguration(
        identities: ["example.com": TLSEngine.Identity(chain: [certificate], key: key)],
        alpn: [ChallengeCertificate.alpn]))
    let client = try TLSEngine(
      client: TLSEngine.ClientConfiguration(
        serverName: name, alpn: [ChallengeCertificate.alpn], trust: trust))
    let isDone = (try? TLSEngine.shakeHands(client: client, server: server)) != nil
    check(isDone == (name == "example.com"), "handshake for \(name)")
    guard isDone else { continue }
    try client.send([UInt8](repeating: 1, count: 50_000))
    try server.receive(client.takeOutput())
    check(try server.readPlaintext()?.count == 50_000, "plaintext")
    server.shutdown()
  }
}

do {
  for _ in 0..<counts[0] { try live(.ec256) }
  for _ in 0..<counts[1] { try live(.rsa2048) }
  for _ in 0..<counts[2] { try live(.rsa4096) }
  try live(.ec384)
  try live(.ed25519)
  for _ in 0..<max(1, counts[0] / 20) { try serve() }
  _ = try TrustStore.system()
  print("done: \(counts[0]) P-256, \(counts[1]) RSA 2048, \(counts[2]) RSA 4096")
} catch {
  print("FAILED: \(error)")
  exit(1)
}
