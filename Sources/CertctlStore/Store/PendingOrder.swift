package import CertctlCore
import CertctlCrypto
import CertctlSystem
package import FoundationEssentials

/// An order in progress, stored in `pending/<name>/`.
///
/// The order's URL is stored as soon as the CA returns it, and the key and CSR are synced before
/// the order is finalized. So the next run can resume the order after a crash or a slow CA.
package struct PendingOrder: Codable, Sendable, Equatable {
  static let formatVersion = 1

  var version = PendingOrder.formatVersion
  /// The order's URL.
  package let url: String
  /// The directory URL of the CA.
  package let directory: String
  /// The local id of the account.
  package let account: String
  /// The requested settings when it was placed.
  package let settings: LineageSettings
  /// When it was placed.
  package let date: Date

  package init(
    version: Int = PendingOrder.formatVersion, url: String, directory: String, account: String,
    settings: LineageSettings, date: Date
  ) {
    self.version = version
    self.url = url
    self.directory = directory
    self.account = account
    self.settings = settings
    self.date = date
  }
}

/// One of the two certificates that a lineage can have.
package enum CertificatePart: Sendable {
  /// The only certificate, or the ECDSA certificate of two.
  case main
  /// The additional RSA certificate.
  case rsa
}

/// The orders in progress: one per lineage, and one more for an additional RSA certificate.
///
/// The RSA order is stored in `pending/<name>/rsa/`. It is placed after the first certificate was
/// issued. The record of the first order stays until both certificates are stored.
package struct PendingStore: Sendable {
  package let state: StateDirectory
  package var part = CertificatePart.main

  package init(state: StateDirectory, part: CertificatePart = CertificatePart.main) {
    self.state = state
    self.part = part
  }

  func order(of name: LineageName) throws -> PendingOrder? {
    try file(name).read()
  }

  func begin(_ order: PendingOrder, of name: LineageName) throws {
    try state.create()
    try state.folder("pending").create(StateDirectory.closed)
    try discard(name)
    try state.pending(name).create(StateDirectory.closed)
    if part == .rsa { try folder(name).create(StateDirectory.closed) }
    try file(name).write(order)
  }

  func request(
    of name: LineageName, needsKey: Bool = true
  ) throws -> (key: PrivateKey?, request: CertificateRequest)? {
    let folder = folder(name)
    // The CSR is written last: if it exists, the key exists too.
    guard let request = try folder.read("request.pem") else { return nil }
    let key = try folder.read("privkey.pem")
    if key == nil && needsKey { return nil }
    do {
      return (try key.map { try PrivateKey(pem: $0) }, try CertificateRequest(pem: request))
    } catch {
      throw CertctlError(
        .damagedState, "the key or CSR in \(folder.path) is damaged: \(error)",
        hint: "restore it from a backup, or move the directory away to place a new order")
    }
  }

  func keep(_ key: PrivateKey?, _ request: CertificateRequest, of name: LineageName) throws {
    let folder = folder(name)
    if let key {
      try folder.write("privkey.pem", key.pemRepresentation(), StateDirectory.closedFile)
    }
    try folder.write("request.pem", request.pem, StateDirectory.closedFile)
  }

  func discard(_ name: LineageName) throws {
    // Remove the record first: without it, the next run ignores the key and CSR.
    try folder(name).remove("order.json")
    switch part {
    case .main: try state.folder("pending").removeTree(name.value)
    case .rsa: try state.pending(name).removeTree("rsa")
    }
  }

  private func folder(_ name: LineageName) -> DurableFolder {
    part == .main ? state.pending(name) : state.folder("pending/\(name)/rsa")
  }

  private func file(_ name: LineageName) -> StateFile<PendingOrder> {
    StateFile(
      folder: folder(name), name: "order.json", version: PendingOrder.formatVersion)
  }
}
