import FoundationEssentials
import Subprocess
import Testing

/// The `openssl` command, a check that is independent of the Swift code.
enum OpenSSLTool {
  struct Result {
    var isSuccess: Bool
    /// Both outputs, because OpenSSL prints its results to either.
    var text: String
  }

  static func run(_ words: String..., input: [UInt8] = []) async throws -> Result {
    try await run(words: words, input: input)
  }

  static func run(words: [String], input: [UInt8] = []) async throws -> Result {
    let result = try await Subprocess.run(
      .name("openssl"), arguments: Arguments(words), input: .array(input),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    return Result(
      isSuccess: result.terminationStatus == .exited(0),
      text: result.standardOutput + result.standardError)
  }
}

/// A temporary directory of one test.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "pki-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  func write(_ bytes: [UInt8], as name: String) throws -> String {
    try Data(bytes).write(to: URL(filePath: path + "/" + name))
    return path + "/" + name
  }

  func read(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path + "/" + name)))
  }
}
