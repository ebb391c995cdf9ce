package import CertctlCore

extension UserCSR {
  /// Reads the CSR that is stored with a lineage.
  ///
  /// - Throws: `CertctlError` with code `damagedState`.
  package init(stored pem: String, of name: LineageName) throws {
    do {
      try self.init(contents: Array(pem.utf8))
    } catch {
      throw CertctlError(
        .damagedState, "the stored CSR of \(name) is damaged: \(error)",
        hint: "run: certctl issue --csr FILE --name \(name)")
    }
  }
}
