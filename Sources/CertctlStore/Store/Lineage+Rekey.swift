package import FoundationEssentials

extension Lineage {
  /// A key change in progress.
  ///
  /// It is stored before the new certificate is ordered, so that certctl remembers a compromised
  /// key after a crash or a failed deployment. It stays until all old certificates are dealt with.
  package struct Rekey: Codable, Sendable, Equatable {
    /// When the key change began.
    package var date: Date
    /// Whether others know the old key, so that its certificates must be revoked.
    package var isCompromised: Bool
    /// The certificates with old keys that are not revoked yet.
    package var old: [Old]

    package init(date: Date, isCompromised: Bool, old: [Old]) {
      self.date = date
      self.isCompromised = isCompromised
      self.old = old
    }

    /// A certificate to replace.
    package struct Old: Codable, Sendable, Equatable {
      /// The SHA-256 fingerprint in hexadecimal.
      package var sha256: String
      /// The directory URL of the CA that issued it.
      package var directory: String

      package init(sha256: String, directory: String) {
        self.sha256 = sha256
        self.directory = directory
      }
    }
  }
}
