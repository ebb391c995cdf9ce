package import ACME
package import CertctlCore
package import CertctlCrypto
package import FoundationEssentials

/// One named certificate over time: its settings and its history.
package struct Lineage: Codable, Sendable, Equatable {
  /// The version of the file format.
  package var version = Lineage.formatVersion
  /// The name of the lineage, also that of its entries in `live` and `archive`.
  package var name: String
  /// The requested settings.
  package var settings: LineageSettings
  /// The origin of the certificate in use.
  package var issuance: Issuance?
  /// The last failed attempt; nil after a success.
  package var lastFailure: Failure?
  /// The requested names that had to be left out of the certificate in use.
  package var omitted: [Omission]?
  /// The renewal state; nil before the first run.
  package var schedule: RenewalState?
  /// The deployment state; nil before the first deployment.
  package var deployment: Deployment?
  /// The number of the generation to deploy; nil once servers use it.
  ///
  /// Until then `live` points to the generation that servers use.
  package var candidate: Int?

  /// The key change in progress.
  package var rekey: Rekey?

  static let formatVersion = 1

  /// Creates a lineage that has no certificate yet.
  package init(name: String, settings: LineageSettings) {
    self.name = name
    self.settings = settings
  }

  /// The origin of a certificate.
  package struct Issuance: Codable, Sendable, Equatable {
    /// The directory URL of the CA.
    package var directory: String
    /// The local id of the account that ordered it.
    package var account: String
    /// The origin of the additional RSA certificate, if it differs.
    package var rsa: Place?
    /// The settings that it was ordered with.
    package var settings: LineageSettings
    /// When it was stored.
    package var date: Date
    /// When this and earlier generations were revoked, by hexadecimal SHA-256 fingerprint.
    package var revoked: [String: Date]?

    package init(
      directory: String, account: String, rsa: Place? = nil, settings: LineageSettings, date: Date,
      revoked: [String: Date]? = nil
    ) {
      self.directory = directory
      self.account = account
      self.rsa = rsa
      self.settings = settings
      self.date = date
      self.revoked = revoked
    }

    /// A CA and an account there.
    package struct Place: Codable, Sendable, Equatable {
      /// The directory URL of the CA.
      package var directory: String
      /// The local id of the account.
      package var account: String

      package init(directory: String, account: String) {
        self.directory = directory
        self.account = account
      }
    }

    /// Returns the origin of one of the two certificates.
    package func place(of part: CertificatePart) -> Place {
      let main = Place(directory: directory, account: account)
      return part == .rsa ? rsa ?? main : main
    }
  }

  /// A name that was left out because its validation failed.
  package struct Omission: Codable, Sendable, Equatable {
    /// The name.
    package var name: Identifier
    /// When its validation failed.
    package var date: Date
    /// The CA's message.
    package var message: String

    package init(name: Identifier, date: Date, message: String) {
      self.name = name
      self.date = date
      self.message = message
    }
  }

  /// A failed attempt.
  package struct Failure: Codable, Sendable, Equatable {
    /// When it failed.
    package var date: Date
    /// The error message.
    package var message: String

    package init(date: Date, message: String) {
      self.date = date
      self.message = message
    }
  }
}

extension Lineage {
  /// The settings change that requires a new certificate, in words; nil if there is none.
  package var wantedChange: String? {
    guard let issued = issuance?.settings else { return nil }
    let missing = missingNames
    var rest = settings
    rest.names.removeAll { missing.contains($0) }
    if !missing.isEmpty, rest.change(since: issued) == nil {
      return "still missing: \(missing.map(\.value).joined(separator: ", "))"
    }
    return settings.change(since: issued)
  }

  /// The requested names that the certificate in use still lacks because they had to be left out.
  package var missingNames: [Identifier] {
    guard let issued = issuance?.settings.names else { return [] }
    return (omitted ?? []).map(\.name)
      .filter { settings.names.contains($0) && !issued.contains($0) }
  }
}

extension Lineage {
  /// The fingerprints of leaves whose generations must be kept, whatever their age.
  package var unprunable: Set<String> {
    Set([deployment?.certificate].compactMap { $0 } + (rekey?.old ?? []).map(\.sha256))
  }

  /// Returns whether certctl revoked this certificate.
  package func isRevoked(_ leaf: Certificate?) -> Bool {
    guard let leaf else { return false }
    return issuance?.revoked?[leaf.sha256Fingerprint.hexadecimal] != nil
  }

  /// Records that certificates were revoked, so that none is put back into use by accident.
  package mutating func noteRevoked(_ leaves: [Certificate], now: Date) {
    guard var issuance else { return }
    let new = leaves.map { ($0.sha256Fingerprint.hexadecimal, now) }
    issuance.revoked = (issuance.revoked ?? [:]).merging(new) { $1 }
    self.issuance = issuance
  }
}

/// The name of a lineage, which is safe as a file name.
package struct LineageName: Hashable, Sendable, CustomStringConvertible {
  /// The name.
  package let value: String

  /// The name itself.
  package var description: String { value }

  /// Checks a name from the user.
  ///
  /// - Throws: `CertctlError` with code `usage` if it is empty, is longer than 200 bytes, starts
  ///   with a dot or hyphen, or contains a slash or control character.
  package init(_ value: String) throws {
    let isControl = { (scalar: Unicode.Scalar) in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }
    guard !value.isEmpty, value.utf8.count <= 200, !value.hasPrefix("."), !value.hasPrefix("-"),
      !value.contains("/"), !value.unicodeScalars.contains(where: isControl)
    else {
      throw CertctlError(
        .usage, "'\(value)' is not a valid certificate name",
        hint: "use 1 to 200 bytes, no slash or control character, no leading dot or hyphen")
    }
    self.value = value
  }

  /// Creates the name from the first certified name: `*.example.com` becomes `example.com`.
  package init(from identifier: Identifier) throws {
    let text = identifier.baseDomain
    // A domain may have 253 bytes, which is too long for a folder name with a suffix.
    try self.init(text.utf8.count <= 200 ? text : String(text.suffix(200).drop { $0 == "." }))
  }
}
