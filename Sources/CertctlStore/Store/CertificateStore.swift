import CertctlCore
import CertctlCrypto
import CertctlSystem
import FoundationEssentials

/// One issued version of a lineage: an immutable folder in the archive.
package struct Generation: Sendable, Equatable {
  /// The number, starting at 1.
  package let number: Int

  /// The name of the folder: at least four digits.
  package var folderName: String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  init(number: Int) { self.number = number }

  init?(folderName: String) {
    guard let number = Int(folderName), number > 0,
      Generation(number: number).folderName == folderName
    else { return nil }
    self.number = number
  }
}

/// The certificates on disk: `archive/<name>/NNNN/` and the link `live/<name>`.
///
/// A generation is written under a temporary name, synced and renamed. Then one rename of the link
/// puts it into use. A crash therefore leaves the old pair or the new pair and needs no recovery:
/// only what `live` points to is in use.
package struct CertificateStore: Sendable {
  let state: StateDirectory

  /// Creates the store of a state directory.
  package init(state: StateDirectory) { self.state = state }

  func commit(
    _ certificate: IssuedCertificate, to name: LineageName, files: FileSettings
  ) throws -> Generation {
    try certificate.prove()
    let archive = state.archive(name)
    try prepare(archive)
    let newest = try generations(name).last
    if let newest, let stored = try? load(newest, of: name), stored.isSame(as: certificate) {
      try useIfFirst(newest, of: name)
      return newest
    }
    let generation = Generation(number: (newest?.number ?? 0) + 1)
    try write(certificate, as: generation, of: name, files: files)
    let stored = try load(generation, of: name)
    guard stored.isSame(as: certificate) else {
      throw CertctlError(
        .state,
        "cannot verify \(archive.path)/\(generation.folderName): "
          + "its contents differ from what was written",
        hint: "check the disk; the certificate in use is unchanged")
    }
    try useIfFirst(generation, of: name)
    return generation
  }

  private func useIfFirst(_ generation: Generation, of name: LineageName) throws {
    if try liveGeneration(name) == nil { try use(generation, of: name) }
  }

  func chosenGeneration(_ name: LineageName, _ lineage: Lineage?) throws -> Generation? {
    guard let number = lineage?.candidate,
      let candidate = try generations(name).last(where: { $0.number == number })
    else { return try liveGeneration(name) }
    return candidate
  }

  func use(_ generation: Generation, of name: LineageName) throws {
    try state.live.create(StateDirectory.passable)
    try state.live.link(name.value, to: "../archive/\(name)/\(generation.folderName)")
  }

  func liveGeneration(_ name: LineageName) throws -> Generation? {
    guard let target = try state.live.linkTarget(name.value) else { return nil }
    guard target.hasPrefix("../archive/\(name)/"),
      let last = target.split(separator: "/").last,
      let generation = Generation(folderName: String(last))
    else {
      throw CertctlError(
        .damagedState,
        "cannot use the link \(state.live.path)/\(name): it points to '\(target)'",
        hint: "change the link to ../archive/\(name)/NNNN")
    }
    return generation
  }

  func generations(_ name: LineageName) throws -> [Generation] {
    try state.archive(name).entries().compactMap(Generation.init(folderName:))
      .sorted { $0.number < $1.number }
  }

  func load(_ generation: Generation, of name: LineageName) throws -> IssuedCertificate {
    let chain = try loadChain(generation, of: name)
    let folder = folder(generation, of: name)
    if try !hasKey(generation, of: name), let request = try folder.read("request.pem"),
      let given = try? CertificateRequest(pem: request)
    {
      return IssuedCertificate(chain: chain, request: given)
    }
    return IssuedCertificate(
      chain: chain,
      key: try file("privkey.pem", in: folder, name) { try PrivateKey(pem: $0) },
      rsa: try rsaFolder(generation, of: name).map { folder in
        .init(
          chain: try file("fullchain.pem", in: folder, name) { try Certificate.chain(pem: $0) },
          key: try file("privkey.pem", in: folder, name) { try PrivateKey(pem: $0) })
      })
  }

  func hasKey(_ generation: Generation, of name: LineageName) throws -> Bool {
    try folder(generation, of: name).attributes(of: "privkey.pem") != nil
  }

  func loadChain(_ generation: Generation, of name: LineageName) throws -> [Certificate] {
    try file("fullchain.pem", in: folder(generation, of: name), name) {
      try Certificate.chain(pem: $0)
    }
  }

  func loadLeaves(_ generation: Generation, of name: LineageName) throws -> [Certificate] {
    let leaf = try loadChain(generation, of: name)[0]
    guard let folder = try rsaFolder(generation, of: name) else { return [leaf] }
    return [leaf, try file("cert.pem", in: folder, name) { try Certificate(pem: $0) }]
  }

  func remove(_ name: LineageName) throws {
    try state.live.remove(name.value)
    try state.folder("archive").removeTree(name.value)
  }

  /// Returns the path that servers use for a lineage or one of its files.
  package func livePath(_ name: LineageName, _ file: String? = nil) -> String {
    "\(state.live.path)/\(name)" + (file.map { "/\($0)" } ?? "")
  }

  private func prepare(_ archive: DurableFolder) throws {
    try state.create()
    try state.folder("archive").create(StateDirectory.passable)
    try archive.create(StateDirectory.passable)
    try archive.sweepTemporaries()
    try state.live.create(StateDirectory.passable)
  }

  private func write(
    _ certificate: IssuedCertificate, as generation: Generation, of name: LineageName,
    files: FileSettings
  ) throws {
    let temporary = ".tmp-\(generation.folderName)"
    let folder = state.folder("archive/\(name)/\(temporary)")
    try folder.create(StateDirectory.closed)
    try write(certificate.chain, certificate.key, in: folder, files)
    if let request = certificate.request {
      try folder.write("request.pem", request.pem, files.certificateAttributes())
    }
    if let rsa = certificate.rsa {
      let inner = state.folder("archive/\(name)/\(temporary)/rsa")
      try inner.create(StateDirectory.closed)
      try write(rsa.chain, rsa.key, in: inner, files)
      try folder.setAttributes(files.folderAttributes(), of: "rsa")
    }
    try state.archive(name).setAttributes(files.folderAttributes(), of: temporary)
    try state.archive(name).rename(temporary, to: generation.folderName)
  }

  private func write(
    _ chain: [Certificate], _ key: PrivateKey?, in folder: DurableFolder, _ files: FileSettings
  ) throws {
    let pems = chain.map(\.pem)
    let attributes = try files.certificateAttributes()
    try folder.write("cert.pem", pems[0], attributes)
    try folder.write("chain.pem", Array(pems.dropFirst().joined()), attributes)
    try folder.write("fullchain.pem", Array(pems.joined()), attributes)
    guard let key else { return }
    try folder.write("privkey.pem", key.pemRepresentation(), files.keyAttributes())
  }

  private func folder(_ generation: Generation, of name: LineageName) -> DurableFolder {
    state.folder("archive/\(name)/\(generation.folderName)")
  }

  /// Returns the folder of the additional RSA certificate; nil if there is none.
  private func rsaFolder(_ generation: Generation, of name: LineageName) throws -> DurableFolder? {
    guard try folder(generation, of: name).attributes(of: "rsa") != nil else { return nil }
    return state.folder("archive/\(name)/\(generation.folderName)/rsa")
  }

  private func file<Content>(
    _ file: String, in folder: DurableFolder, _ name: LineageName,
    _ parse: ([UInt8]) throws -> Content
  ) throws -> Content {
    func damage(_ what: String) -> CertctlError {
      CertctlError(
        .damagedState, "\(folder.path)/\(file) \(what)",
        hint: "run: certctl rollback \(name), or: certctl issue NAMES --name \(name) --force")
    }
    guard let bytes = try folder.read(file) else { throw damage("is missing") }
    do {
      return try parse(bytes)
    } catch let error as CryptoError {
      throw damage("is damaged: \(error.description)")
    }
  }
}
