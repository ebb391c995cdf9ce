/// One TXT record that proves one name.
package struct ChallengeRecord: Sendable, Hashable {
  /// The name of the record after all CNAMEs, lower case, without a final dot.
  package let name: String
  /// The text: 43 characters of base64url for dns-01 (RFC 8555, section 8.4).
  package let value: String
  /// The domain that is proved, without the star of a wildcard.
  package let domain: String
  /// The challenge's token, for programs that want to know.
  package let token: String
  /// The token, a dot and the account key's thumbprint, for programs that want to know.
  package let keyAuthorization: String

  /// A record.
  ///
  /// - Parameters:
  ///   - name: The name of the record, without a final dot.
  ///   - value: The text.
  ///   - domain: The domain that is proved.
  ///   - token: The challenge's token.
  ///   - keyAuthorization: The token with the thumbprint.
  package init(
    name: String, value: String, domain: String, token: String = "", keyAuthorization: String = ""
  ) {
    self.name = name
    self.value = value
    self.domain = domain
    self.token = token
    self.keyAuthorization = keyAuthorization
  }

  /// The name relative to its zone, as most APIs want it: `_acme-challenge.www`.
  ///
  /// - Parameters:
  ///   - zone: The zone, without a final dot.
  ///   - apex: What stands for the zone's own name.
  /// - Returns: The labels before the zone's.
  package func label(in zone: String, apex: String = "@") -> String {
    if name == zone { return apex }
    return name.hasSuffix("." + zone) ? String(name.dropLast(zone.utf8.count + 1)) : name
  }
}
