internal import CertctlBase
internal import Glibc

/// Opens folders for root without following the links that other users planted.
///
/// Whoever owns a folder may replace anything in it by a symbolic link at any time, and so make root
/// read or write elsewhere. Each component is therefore opened on its own, and the link of another user
/// is followed only to what belongs to that user too: there root does nothing that they could not do
/// themselves. Links of root lead where root wanted.
struct LinkWalk: ~Copyable {
  private let path: String
  private var here: Descriptor
  /// What is still to pass, the next component last.
  private var rest: [Substring]
  /// The links of other users on whose way we are: how much is left after each, and whose it is.
  private var foreign: [(left: Int, owner: UInt32)] = []
  private var links = 0

  private init(_ path: String, from start: consuming Descriptor, subject: String) {
    self.path = subject
    here = start
    rest = path.split(separator: "/")[...].reversed()
  }

  /// Opens a folder.
  ///
  /// - Throws: `HostError` with code `unsafePath` for a link that must not be followed, or what the
  ///   system says.
  static func folder(_ path: String) throws(HostError) -> Descriptor {
    // The working directory may be gone, or closed to us: it is not touched without need.
    let start = try start(path.hasPrefix("/") ? "/" : ".", path)
    var walk = LinkWalk(path, from: start, subject: path)
    while let name = walk.rest.popLast() {
      try walk.step(String(name))
      try walk.checkOwners()
    }
    // So far it was opened as a place only, for which no right to read is needed.
    return try walk.here.open(
      ".", O_RDONLY | O_DIRECTORY, operation: "open the folder", subject: path)
  }

  /// Opens a file to be read: `name` in a folder, or what it leads to.
  ///
  /// - Throws: `HostError` as ``folder(_:)`` does.
  static func file(
    _ name: String, in folder: borrowing Descriptor, subject: String
  ) throws(HostError) -> Descriptor {
    let start = try folder.open(
      ".", Descriptor.placeOnly | O_DIRECTORY, operation: "read", subject: subject)
    var walk = LinkWalk(name, from: start, subject: subject)
    // Without O_NONBLOCK a FIFO under this name would be waited for.
    let flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW
    while let name = walk.rest.popLast() {
      guard walk.rest.isEmpty else {
        try walk.step(String(name))
        try walk.checkOwners()
        continue
      }
      do throws(HostError) {
        let file = try walk.here.open(String(name), flags, operation: "read", subject: subject)
        let owner = try file.status(subject: subject).st_uid
        if let link = walk.foreign.first(where: { $0.owner != owner }) {
          throw walk.refused(link.owner, owner)
        }
        return file
      } catch {
        guard error.errnoCode == ELOOP else { throw error }
        try walk.follow(String(name))
      }
    }
    throw HostError(errno: EISDIR, operation: "read", subject: subject)
  }

  /// Ends the ways of those links of which all has been passed.
  private mutating func checkOwners() throws(HostError) {
    while let link = foreign.last, link.left >= rest.count {
      foreign.removeLast()
      let owner = try here.status(subject: path).st_uid
      guard owner == link.owner else { throw refused(link.owner, owner) }
    }
  }

  private mutating func step(_ name: String) throws(HostError) {
    // O_DIRECTORY has file systems mounted that wait for their first use.
    let raw = unsafe openat(
      here.raw, name, Descriptor.placeOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if raw >= 0 {
      here = Descriptor(raw)
      return
    }
    let number = errno
    guard number == ENOTDIR || number == ELOOP else { throw failure(number) }
    try follow(name)
  }

  /// Puts what a link leads to in its place.
  private mutating func follow(_ name: String) throws(HostError) {
    let entry = try here.open(
      name, Descriptor.placeOnly | O_NOFOLLOW, operation: "open the folder", subject: path)
    let status = try entry.status(subject: path)
    guard status.st_mode & S_IFMT == S_IFLNK else { throw failure(ENOTDIR) }
    links += 1
    guard links <= 40 else { throw failure(ELOOP) }
    let target = try entry.linkTarget(subject: path)
    if status.st_uid != 0 { foreign.append((rest.count, status.st_uid)) }
    if target.hasPrefix("/") { here = try Self.start("/", path) }
    rest += target.split(separator: "/").reversed()
  }

  private static func start(_ folder: String, _ subject: String) throws(HostError) -> Descriptor {
    Descriptor(
      try Descriptor.call("open the folder", subject) {
        unsafe open(folder, Descriptor.placeOnly | O_DIRECTORY | O_CLOEXEC)
      })
  }

  private func failure(_ number: Int32) -> HostError {
    HostError(errno: number, operation: "open the folder", subject: path)
  }

  private func refused(_ link: UInt32, _ owner: UInt32) -> HostError {
    HostError(
      .unsafePath, operation: "open the folder", subject: path,
      detail: "a link of \(SystemAccount.userTitle(link)) on the way leads to what belongs to "
        + SystemAccount.userTitle(owner),
      hint: "give the path that the link leads to, if that is what you want")
  }
}

extension Descriptor {
  /// `O_PATH`, which Glibc's module does not show: opened as a place, with no right to read or write.
  fileprivate static let placeOnly: Int32 = 0o10_000_000

  /// Where a link leads that was opened as a place.
  fileprivate func linkTarget(subject: String) throws(HostError) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let raw = raw
    let count = try Self.call("read the link", subject) {
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe bytes.baseAddress.map { start in
          Int32(unsafe readlinkat(raw, "", start, bytes.count))
        }
          ?? -1
      }
    }
    return String(decoding: buffer[..<Int(count)], as: UTF8.self)
  }
}
