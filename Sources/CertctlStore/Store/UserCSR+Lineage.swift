package import CertctlCore

extension UserCSR {
  /// Reads what is kept with a lineage.
  ///
  /// - Throws: `CertctlError` with code `damagedState`.
  package init(stored pem: String, of name: LineageName) throws {
    do {
      try self.init(contents: Array(pem.utf8))
    } catch {
      throw CertctlError(
        .damagedState, "the certificate request kept with \(name) is damaged: \(error)",
        hint: "give it once more, by certctl issue --csr FILE")
    }
  }
}
