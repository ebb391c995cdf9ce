import CertctlBase

extension DNSProviderContext {
  /// Whether a setting that is true or false is true, in the forms that lego takes: 1, t, true.
  ///
  /// Everything else is false, and so is a setting that is not given.
  package func isTrue(_ name: String) -> Bool {
    ["1", "t", "true"].contains(optional(name)?.lowercased())
  }

  /// The address of an API that the user runs, without a final slash.
  ///
  /// - Throws: `CertctlError` with code `configuration` where it is missing or no URL.
  package func url(_ name: String) throws -> String {
    let text = try value(name)
    do {
      _ = try URLParts(text)
    } catch {
      throw wrong(
        name, "is not an address: it must begin with https:// or http://, and hold no password")
    }
    return text.hasSuffix("/") ? String(text.dropLast()) : text
  }
}
