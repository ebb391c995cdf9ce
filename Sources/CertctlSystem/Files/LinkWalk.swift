internal import CertctlBase
internal import Glibc

/// Opens paths for root without following links that other users planted.
///
/// The owner of a directory can replace any entry with a symbolic link at any time, and so make
/// root read or write elsewhere. So each component is opened separately. A link of another user is
/// followed only to files and directories of the same user, where root does nothing that the user
/// could not do. Links of root are always followed.
struct LinkWalk: ~Copyable {
  private let path: String
  private var here: Descriptor
  /// The remaining components, the next one last.
  private var rest: [Substring]
  /// The links of other users being followed: the number of components left after each, and its
  /// owner.
  private var foreign: [(left: Int, owner: UInt32)] = []
  private var links = 0

  private init(_ path: String, from start: consuming Descriptor, subject: String) {
    self.path = subject
    here = start
    rest = path.split(separator: "/")[...].reversed()
  }

  /// Opens a directory.
  ///
  /// - Throws: `HostError` with code `unsafePath` for a link that must not be followed, or the
  ///   system's error.
  static func folder(_ path: String) throws(HostError) -> Descriptor {
    // Do not open "." without need: the working directory may be gone or inaccessible.
    let start = try start(path.hasPrefix("/") ? "/" : ".", path)
    var walk = LinkWalk(path, from: start, subject: path)
    while let name = walk.rest.popLast() {
      try walk.step(String(name))
      try walk.checkOwners()
    }
    // So far it was opened with O_PATH, which needs no read permission.
    return try walk.here.open(
      ".", O_RDONLY | O_DIRECTORY, operation: "open the directory", subject: path)
  }

  /// Opens a file for reading: `name` in a directory, or the target of that link.
  ///
  /// - Throws: `HostError` like ``folder(_:)``.
  static func file(
    _ name: String, in folder: borrowing Descriptor, subject: String
  ) throws(HostError) -> Descriptor {
    let start = try folder.open(
      ".", Descriptor.placeOnly | O_DIRECTORY, operation: "read", subject: subject)
    var walk = LinkWalk(name, from: start, subject: subject)
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
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

  /// Checks the owner at the end of each link whose target has been reached.
  private mutating func checkOwners() throws(HostError) {
    while let link = foreign.last, link.left >= rest.count {
      foreign.removeLast()
      let owner = try here.status(subject: path).st_uid
      guard owner == link.owner else { throw refused(link.owner, owner) }
    }
  }

  private mutating func step(_ name: String) throws(HostError) {
    // O_DIRECTORY triggers automounts.
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

  /// Replaces a link with its target.
  private mutating func follow(_ name: String) throws(HostError) {
    let entry = try here.open(
      name, Descriptor.placeOnly | O_NOFOLLOW, operation: "open the directory", subject: path)
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
      try Descriptor.call("open the directory", subject) {
        unsafe open(folder, Descriptor.placeOnly | O_DIRECTORY | O_CLOEXEC)
      })
  }

  private func failure(_ number: Int32) -> HostError {
    HostError(errno: number, operation: "open the directory", subject: path)
  }

  private func refused(_ link: UInt32, _ owner: UInt32) -> HostError {
    HostError(
      .unsafePath, operation: "open the directory", subject: path,
      detail: "a symbolic link of \(SystemAccount.userTitle(link)) leads to a file or directory of "
        + SystemAccount.userTitle(owner),
      hint: "use the path of the link's target, if this is intended")
  }
}

extension Descriptor {
  /// `O_PATH`, which the Glibc module does not export: opens a location without read or write
  /// access.
  fileprivate static let placeOnly: Int32 = 0o10_000_000

  /// Returns the target of a link that was opened with O_PATH.
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
