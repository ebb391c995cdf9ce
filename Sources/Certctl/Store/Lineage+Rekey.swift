public import FoundationEssentials

extension Lineage {
  /// A change of key that is under way: kept until the old certificates are done with.
  ///
  /// It is on disk before the new certificate is ordered, so that a crash, or a deployment that
  /// failed, leaves no compromised key forgotten.
  public struct Rekey: Codable, Sendable, Equatable {
    /// When it began.
    public var date: Date
    /// Whether the old key is known to others, so that its certificates are to be revoked.
    public var isCompromised: Bool
    /// The certificates with the old keys that are not revoked yet.
    public var old: [Old]

    /// A certificate that is to be replaced.
    public struct Old: Codable, Sendable, Equatable {
      /// The SHA-256 fingerprint in hexadecimal.
      public var sha256: String
      /// The directory URL of the CA that issued it.
      public var directory: String
    }
  }
}
