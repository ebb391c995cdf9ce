package import FoundationEssentials

extension Lineage {
  /// A change of key that is under way: kept until the old certificates are done with.
  ///
  /// It is on disk before the new certificate is ordered, so that a crash, or a deployment that
  /// failed, leaves no compromised key forgotten.
  package struct Rekey: Codable, Sendable, Equatable {
    /// When it began.
    package var date: Date
    /// Whether the old key is known to others, so that its certificates are to be revoked.
    package var isCompromised: Bool
    /// The certificates with the old keys that are not revoked yet.
    package var old: [Old]

    package init(date: Date, isCompromised: Bool, old: [Old]) {
      self.date = date
      self.isCompromised = isCompromised
      self.old = old
    }

    /// A certificate that is to be replaced.
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
