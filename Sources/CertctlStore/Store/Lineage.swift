package import ACME
package import CertctlCore
package import CertctlCrypto
package import FoundationEssentials

/// One named certificate over time: what is wanted, and what has happened.
package struct Lineage: Codable, Sendable, Equatable {
  /// The version of the file's format.
  package var version = Lineage.formatVersion
  /// The lineage's name: the folder names under `live` and `archive`.
  package var name: String
  /// What is wanted.
  package var settings: LineageSettings
  /// Where the certificate in use came from.
  package var issuance: Issuance?
  /// Why the last attempt failed; nil after a success.
  package var lastFailure: Failure?
  /// The wanted names that the certificate in use had to be issued without.
  package var omitted: [Omission]?
  /// What is remembered of its renewal; nil before the first run.
  package var schedule: RenewalState?
  /// What became of making servers use its certificates; nil before the first deployment.
  package var deployment: Deployment?
  /// The number of the generation that is to be used, as long as servers were not made to use it.
  ///
  /// `live` still points to the one that they use; it moves with them.
  package var candidate: Int?

  /// A change of key that is under way.
  package var rekey: Rekey?

  static let formatVersion = 1

  /// A lineage that has no certificate yet.
  package init(name: String, settings: LineageSettings) {
    self.name = name
    self.settings = settings
  }

  /// Where a certificate came from.
  package struct Issuance: Codable, Sendable, Equatable {
    /// The directory URL of the CA.
    package var directory: String
    /// The local id of the account that ordered it.
    package var account: String
    /// Where the RSA certificate beside it came from, if that is another place.
    package var rsa: Place?
    /// The settings that it was ordered with.
    package var settings: LineageSettings
    /// When it was stored.
    package var date: Date
    /// When generations, this one or earlier ones, were revoked, by their SHA-256 fingerprints in
    /// hexadecimal.
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

    /// A CA's directory, and an account there.
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

    /// Where each of two certificates came from.
    package func place(of part: CertificatePart) -> Place {
      let main = Place(directory: directory, account: account)
      return part == .rsa ? rsa ?? main : main
    }
  }

  /// A name that could not be proved, and that the others did not wait for.
  package struct Omission: Codable, Sendable, Equatable {
    /// The name.
    package var name: Identifier
    /// When it could not be proved.
    package var date: Date
    /// What the CA said.
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
    /// What was said.
    package var message: String

    package init(date: Date, message: String) {
      self.date = date
      self.message = message
    }
  }
}

extension Lineage {
  /// What of the settings asks for another certificate than the one in use, in words; nil when
  /// that one still is what is wanted.
  package var wantedChange: String? {
    guard let issued = issuance?.settings else { return nil }
    let missing = missingNames
    var rest = settings
    rest.names.removeAll { missing.contains($0) }
    if !missing.isEmpty, rest.change(since: issued) == nil {
      return "still without \(missing.map(\.value).joined(separator: ", "))"
    }
    return settings.change(since: issued)
  }

  /// The wanted names that the certificate in use had to be issued without, and still is.
  package var missingNames: [Identifier] {
    guard let issued = issuance?.settings.names else { return [] }
    return (omitted ?? []).map(\.name)
      .filter { settings.names.contains($0) && !issued.contains($0) }
  }
}

extension Lineage {
  /// The fingerprints of the leaves whose generations are still needed, however old they are.
  package var unprunable: Set<String> {
    Set([deployment?.certificate].compactMap { $0 } + (rekey?.old ?? []).map(\.sha256))
  }

  /// Whether this certificate was revoked by us.
  package func isRevoked(_ leaf: Certificate?) -> Bool {
    guard let leaf else { return false }
    return issuance?.revoked?[leaf.sha256Fingerprint.hexadecimal] != nil
  }

  /// Notes that certificates were revoked, so that nothing puts them back to use unawares.
  package mutating func noteRevoked(_ leaves: [Certificate], now: Date) {
    guard var issuance else { return }
    let new = leaves.map { ($0.sha256Fingerprint.hexadecimal, now) }
    issuance.revoked = (issuance.revoked ?? [:]).merging(new) { $1 }
    self.issuance = issuance
  }
}

/// The name of a lineage, checked to be safe as a file name.
package struct LineageName: Hashable, Sendable, CustomStringConvertible {
  /// The name.
  package let value: String

  /// The name itself.
  package var description: String { value }

  /// Checks a name that a user gave.
  ///
  /// - Throws: `CertctlError` with code `usage` when it has a slash, a leading dot or hyphen,
  ///   a control character, is empty, or is longer than 200 bytes.
  package init(_ value: String) throws {
    let isControl = { (scalar: Unicode.Scalar) in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }
    guard !value.isEmpty, value.utf8.count <= 200, !value.hasPrefix("."), !value.hasPrefix("-"),
      !value.contains("/"), !value.unicodeScalars.contains(where: isControl)
    else {
      throw CertctlError(
        .usage, "'\(value)' cannot be the name of a certificate",
        hint: "a name has 1 to 200 bytes, no slash or control character, no leading dot or hyphen")
    }
    self.value = value
  }

  /// The name of a lineage whose first certified name this is: `*.example.com` is `example.com`.
  package init(from identifier: Identifier) throws {
    let text = identifier.baseDomain
    // A name of 253 bytes is a valid domain and too long for a folder with a suffix.
    try self.init(text.utf8.count <= 200 ? text : String(text.suffix(200).drop { $0 == "." }))
  }
}
