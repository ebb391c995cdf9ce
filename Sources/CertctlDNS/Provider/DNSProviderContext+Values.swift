import CertctlBase

extension DNSProviderContext {
  /// Returns whether a boolean setting is true: 1, t or true, as in lego.
  ///
  /// Any other value, or no value, is false.
  package func isTrue(_ name: String) -> Bool {
    ["1", "t", "true"].contains(optional(name)?.lowercased())
  }

  /// Returns the URL of an API, without a final slash.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing or not a URL.
  package func url(_ name: String) throws -> String {
    let text = try value(name)
    do {
      _ = try URLParts(text)
    } catch {
      throw wrong(
        name, "is not a valid URL: it must start with https:// or http:// and contain no password")
    }
    return text.hasSuffix("/") ? String(text.dropLast()) : text
  }
}
