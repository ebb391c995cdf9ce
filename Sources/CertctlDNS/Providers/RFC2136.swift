import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlDNSClient
import FoundationEssentials

/// Dynamic updates (RFC 2136), signed with TSIG (RFC 8945): BIND, Knot, PowerDNS, Windows.
package struct RFC2136: DNSProvider {
  package static let descriptor = DNSProviderDescriptor(
    name: "rfc2136", title: "Dynamic DNS update (RFC 2136)",
    documentation: "https://www.rfc-editor.org/rfc/rfc2136",
    settings: [
      .init(
        "RFC2136_NAMESERVER",
        "primary name server as ADDRESS[:PORT] or NAME[:PORT], by default from the SOA record",
        aliases: ["DNSUPDATE_NAMESERVER"], isSecret: false, fallback: ""),
      .init(
        "RFC2136_TSIG_FILE", "path of the TSIG key file in BIND format",
        aliases: ["DNSUPDATE_TSIG_FILE"], isSecret: false, fallback: "", isPath: true),
      .init(
        "RFC2136_TSIG_KEY", "name of the TSIG key", aliases: ["DNSUPDATE_TSIG_KEY"],
        isSecret: false, fallback: ""),
      .init(
        "RFC2136_TSIG_SECRET", "TSIG key in base64", aliases: ["DNSUPDATE_TSIG_SECRET"],
        fallback: ""),
      .init(
        "RFC2136_TSIG_ALGORITHM", "TSIG algorithm: hmac-sha256, hmac-sha384 or hmac-sha512",
        aliases: ["DNSUPDATE_TSIG_ALGORITHM"], isSecret: false, fallback: "hmac-sha256"),
    ], ttl: 30, timeLimit: 120, aliases: ["dnsupdate"])

  /// The number of records per update, well below the message limit of 64 KiB.
  private static let batch = 100

  private let context: DNSProviderContext
  private let server: String?
  private let key: UpdateKey?

  package init(_ context: DNSProviderContext) throws {
    self.context = context
    server = context.optional("RFC2136_NAMESERVER")
    if let path = context.optional("RFC2136_TSIG_FILE") {
      key = try UpdateKey(file: path, warn: context.environment.console.warn)
    } else if let name = context.optional("RFC2136_TSIG_KEY") {
      key = try UpdateKey(
        name: name, algorithm: try context.value("RFC2136_TSIG_ALGORITHM"),
        secret: try context.value("RFC2136_TSIG_SECRET"))
    } else {
      guard context.optional("RFC2136_TSIG_SECRET") == nil else {
        throw context.wrong("RFC2136_TSIG_KEY", "is required with RFC2136_TSIG_SECRET")
      }
      key = nil
    }
  }

  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(zone, adding: records, removing: [])
  }

  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(zone, adding: [], removing: records)
  }

  private func change(
    _ zone: String, adding: [ChallengeRecord], removing: [ChallengeRecord]
  ) async throws {
    let primary = try await primary(of: zone)
    let all = adding.map { (true, $0) } + removing.map { (false, $0) }
    for start in stride(from: 0, to: all.count, by: Self.batch) {
      let part = all[start..<min(start + Self.batch, all.count)]
      let message = try DNSMessage.update(
        zone: zone, added: part.filter(\.0).map { ($0.1.name, $0.1.value) },
        removed: part.filter { !$0.0 }.map { ($0.1.name, $0.1.value) }, ttl: UInt32(context.ttl),
        id: .random(in: 0...(.max)))
      try await send(message, to: primary, zone)
    }
  }

  private func send(_ message: [UInt8], to primary: Endpoint, _ zone: String) async throws {
    let time = UInt64(context.environment.clock.now().timeIntervalSince1970)
    let signed = try key.map { try $0.signature.sign(message, at: time) }
    let answer: [UInt8]
    do {
      answer = try await context.environment.dns.send(signed?.message ?? message, to: primary)
    } catch let error as HostError {
      throw CertctlError(
        .challengeFailed,
        "cannot update the zone \(zone) at \(primary): "
          + (error.subject == "\(primary)" ? error.detail ?? error.description : error.description),
        hint: error.hint, isRetryable: error.isRetryable)
    }
    if let key, let signed {
      switch try key.signature.check(answer, requestCode: signed.code, at: time) {
      case .genuine: break
      case .refused(let code): throw Self.refused(code, key, primary)
      case .forged:
        // A server without the key cannot sign its response.
        guard try Self.code(answer, to: signed.message) != DNSResponse.noError else {
          throw CertctlError(
            .challengeFailed,
            "cannot update the zone \(zone) at \(primary): the response is not signed with the key "
              + key.name,
            hint: "check that \(primary) is the primary name server of the zone")
        }
      }
    }
    let code = try Self.code(answer, to: signed?.message ?? message)
    guard code == DNSResponse.noError else {
      let hint =
        switch code {
        case 5, 9:
          (key == nil
            ? "the update was not signed: set RFC2136_TSIG_FILE, or allow this host"
            : "allow the key "
              + (key?.name ?? ""))
            + " to change TXT records of the zone (BIND: update-policy; Knot: "
            + "acl), and check that the server is the primary"
        default: "check the log of the name server"
        }
      throw CertctlError(
        .challengeFailed,
        "cannot update the zone \(zone) at \(primary): \(DNSResponse.text(ofCode: code))",
        hint: hint,
        isRetryable: code == 2)
    }
  }

  private static func code(_ answer: [UInt8], to message: [UInt8]) throws -> Int {
    guard answer.count >= 12, let response = try DNSMessage.response(answer, to: message) else {
      throw HostError(.malformedAnswer, operation: "read the response to a DNS update")
    }
    return response.code
  }

  private static func refused(_ code: Int, _ key: UpdateKey, _ primary: Endpoint) -> CertctlError {
    let why =
      switch code {
      case 16: "the secret of the key \(key.name) is wrong"
      case 17: "the server does not know the key \(key.name) with \(key.algorithm)"
      case 18: "the clocks differ by more than five minutes"
      default: "TSIG error \(code)"
      }
    return CertctlError(
      .challengeFailed, "cannot authenticate to \(primary): \(why)",
      hint: code == 18
        ? "correct the clock of this host"
        : "compare the name, algorithm and secret of the key, and check that \(primary) is the "
          + "primary and allows the key to change this zone (Knot: acl)")
  }

  // MARK: - Server

  private func primary(of zone: String) async throws -> Endpoint {
    let view = ZoneLocator(
      client: context.environment.dns, resolvers: await context.environment.resolvers())
    if let server {
      if let endpoint = try? DNSSettings.endpoint(server) { return endpoint }
      let parts = server.split(separator: ":")
      guard parts.count <= 2, let name = DNSName.normalized(String(parts[0])),
        let port = parts.count == 2 ? Int(parts[1]) : 53
      else { throw context.wrong("RFC2136_NAMESERVER", "is not ADDRESS[:PORT] or NAME[:PORT]") }
      return Endpoint(host: try await address(of: name, view), port: port)
    }
    let start = try await view.resolve(zone, .soa).answers.first { $0.type == .soa }
    guard case .start(let primary, _, _)? = start?.content else {
      throw CertctlError(
        .challengeFailed, "cannot find the primary name server of \(zone): no SOA record",
        hint: "set RFC2136_NAMESERVER")
    }
    return Endpoint(host: try await address(of: primary, view), port: 53)
  }

  private func address(of name: String, _ view: ZoneLocator) async throws -> String {
    for type in [DNSType.a, .aaaa] {
      for record in try await view.resolve(name, type).answers {
        if case .address(let text) = record.content { return text }
      }
    }
    throw CertctlError(
      .challengeFailed, "the name server \(name) has no address",
      hint: "set RFC2136_NAMESERVER to an address")
  }
}

/// A TSIG key for dynamic updates.
struct UpdateKey: Sendable {
  /// The name of the key.
  let name: String
  /// The algorithm, such as `hmac-sha256`.
  let algorithm: String
  /// The signer.
  let signature: TransactionSignature

  private static let hashes: [String: HMAC.Hash] = [
    "hmac-sha256": .sha256, "hmac-sha384": .sha384, "hmac-sha512": .sha512,
  ]

  /// Creates a key from its parts.
  ///
  /// - Throws: `CertctlError` with code `configuration`, without the secret.
  init(name: String, algorithm: String, secret: String) throws {
    guard let name = DNSName.normalized(name), !name.isEmpty else {
      throw CertctlError(.configuration, "the name of the TSIG key is not a valid DNS name")
    }
    let word = DNSName.normalized(algorithm) ?? ""
    guard let hash = Self.hashes[word] else {
      throw CertctlError(
        .configuration,
        "cannot use the TSIG key \(name): unsupported algorithm '\(algorithm)'",
        hint: "use one of: \(Self.hashes.keys.sorted().joined(separator: ", "))")
    }
    guard let data = Data(base64Encoded: secret), !data.isEmpty else {
      throw CertctlError(
        .configuration, "cannot use the TSIG key \(name): the secret is not base64",
        hint: "copy the secret as printed by tsig-keygen or keymgr")
    }
    let bytes = [UInt8](data)
    self.name = name
    self.algorithm = word
    signature = TransactionSignature(keyName: name, algorithm: word) { message in
      try HMAC.code(hash, key: bytes, message: message)
    }
  }

  /// Reads the first key of a file in BIND format.
  ///
  /// - Throws: `CertctlError` with code `configuration`.
  init(file path: String, warn: @escaping @Sendable (String) -> Void = { _ in }) throws {
    let contents = try SecretFile(path: path, warn: warn).read()
    let words = Self.words(of: String(decoding: contents, as: UTF8.self))
    func word(after name: String) -> String? {
      words.firstIndex(of: name).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }
    guard let name = word(after: "key"), let algorithm = word(after: "algorithm"),
      let secret = word(after: "secret")
    else {
      throw CertctlError(
        .configuration, "the file \(path) contains no TSIG key",
        hint: "use the format: key \"NAME\" { algorithm hmac-sha256; secret \"…\"; };")
    }
    try self.init(name: name, algorithm: algorithm, secret: secret)
  }

  /// Returns the words of a file, without comments and punctuation.
  private static func words(of text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).flatMap { line -> [String] in
      // "//" can also be part of quoted base64; every second piece is quoted.
      var words: [String] = []
      for (index, piece) in line.split(separator: "\"", omittingEmptySubsequences: false)
        .enumerated()
      {
        guard index.isMultiple(of: 2) else {
          words.append(String(piece))
          continue
        }
        let code = piece.firstRange(of: "//").map { piece[..<$0.lowerBound] } ?? piece
        let plain = code.prefix { $0 != "#" }
        words += plain.split { $0.isWhitespace || "{};".contains($0) }.map(String.init)
        if plain.count < piece.count { break }
      }
      return words
    }
  }
}
