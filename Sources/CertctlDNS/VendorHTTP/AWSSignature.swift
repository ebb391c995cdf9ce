import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import FoundationEssentials

/// The keys of an AWS account or role.
struct AWSKeys: Sendable, Equatable {
  let id: String
  let secret: String
  /// The session token of temporary keys.
  var token: String?

  /// Returns the header fields that sign a request (Signature Version 4).
  ///
  /// The path of the request must contain no characters that need encoding.
  ///
  /// - Parameters:
  ///   - request: The request.
  ///   - service: The name of the service, such as `route53`.
  ///   - region: The region.
  ///   - now: The current time; AWS allows a difference of five minutes.
  /// - Returns: The header fields.
  /// - Throws: `CertctlError` if OpenSSL fails.
  func fields(
    signing request: HTTPRequest, service: String, region: String, at now: Date
  ) throws -> [HTTPField] {
    let time = now.rfc3339.filter { $0 != "-" && $0 != ":" }
    let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
    let address = Address(request.url)
    var headers = [("host", address.host), ("x-amz-date", time)]
    if let token { headers.append(("x-amz-security-token", token)) }
    let names = headers.map(\.0).joined(separator: ";")
    let canonical = [
      request.method.rawValue, address.path, address.query,
      headers.map { "\($0):\($1)\n" }.joined(), names,
      Digest.sha256(request.body ?? []).hexadecimal,
    ].joined(separator: "\n")
    let text = [
      "AWS4-HMAC-SHA256", time, scope, Digest.sha256(Array(canonical.utf8)).hexadecimal,
    ].joined(separator: "\n")
    let signature: String
    do {
      var key = Array("AWS4\(secret)".utf8)
      for part in scope.split(separator: "/") {
        key = try HMAC.code(.sha256, key: key, message: Array(part.utf8))
      }
      signature = try HMAC.code(.sha256, key: key, message: Array(text.utf8)).hexadecimal
    } catch {
      throw CertctlError(wrapping: error)
    }
    let value =
      "AWS4-HMAC-SHA256 Credential=\(id)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    return headers.dropFirst().map { HTTPField(name: $0.0, value: $0.1) }
      + [HTTPField(name: "Authorization", value: value)]
  }

  /// A URL in canonical form, with sorted query fields.
  private struct Address {
    let host: String
    let path: String
    let query: String

    init(_ url: String) {
      let rest = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last
      let parts = (rest ?? "").split(
        separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
      let place = (parts.first ?? "").split(
        separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      host = place.first.map(String.init) ?? ""
      path = "/" + (place.count > 1 ? String(place[1]) : "")
      query =
        parts.count > 1 ? parts[1].split(separator: "&").sorted().joined(separator: "&") : ""
    }
  }
}

extension AWSKeys {
  /// Reads the keys of a profile from a shared credentials file; nil if there are none.
  init?(profile: String, in text: String) {
    var fields: [String: String] = [:]
    var isInside = false
    for line in text.split(whereSeparator: \.isNewline) {
      let line = Self.trimmed(line)
      if line.hasPrefix("["), line.hasSuffix("]") {
        isInside = Self.trimmed(line.dropFirst().dropLast()) == profile
      } else if isInside, !line.hasPrefix("#"), !line.hasPrefix(";"),
        let equals = line.firstIndex(of: "=")
      {
        fields[Self.trimmed(line[..<equals]).lowercased()] = String(
          Self.trimmed(line[line.index(after: equals)...]))
      }
    }
    guard let id = fields["aws_access_key_id"], let secret = fields["aws_secret_access_key"] else {
      return nil
    }
    self.init(id: id, secret: secret, token: fields["aws_session_token"])
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
