/// A TXT record that proves control of a name.
package struct ChallengeRecord: Sendable, Hashable {
  /// The name of the record after all CNAMEs, in lower case, without a final dot.
  package let name: String
  /// The text: 43 characters of base64url for dns-01 (RFC 8555, section 8.4).
  package let value: String
  /// The domain of the challenge; for a wildcard, without the `*.`.
  package let domain: String
  /// The token of the challenge, which some programs need.
  package let token: String
  /// The key authorization (RFC 8555, section 8.1), which some programs need.
  package let keyAuthorization: String

  /// Creates a record.
  ///
  /// - Parameters:
  ///   - name: The name of the record, without a final dot.
  ///   - value: The text.
  ///   - domain: The domain of the challenge.
  ///   - token: The token of the challenge.
  ///   - keyAuthorization: The key authorization.
  package init(
    name: String, value: String, domain: String, token: String = "", keyAuthorization: String = ""
  ) {
    self.name = name
    self.value = value
    self.domain = domain
    self.token = token
    self.keyAuthorization = keyAuthorization
  }

  /// Returns the name relative to its zone, as most APIs expect it: `_acme-challenge.www`.
  ///
  /// - Parameters:
  ///   - zone: The zone, without a final dot.
  ///   - apex: The label that stands for the zone apex.
  /// - Returns: The labels to the left of the zone.
  package func label(in zone: String, apex: String = "@") -> String {
    if name == zone { return apex }
    return name.hasSuffix("." + zone) ? String(name.dropLast(zone.utf8.count + 1)) : name
  }
}
