import CertctlBase
import Glibc
package import Testing

/// `certctl` with an empty state directory, run one command at a time.
package struct CommandLineBench {
  package let folder: TemporaryFolder
  package let binary: CertctlBinary

  /// Creates a bench with an empty state directory in a folder.
  package init(_ folder: TemporaryFolder) throws {
    self.folder = folder
    binary = try CertctlBinary.locate(stateIn: folder)
  }

  /// Runs a test with its own bench.
  package static func with<Result>(
    _ body: (CommandLineBench) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder(label: "cli") { folder in
      try await body(CommandLineBench(folder))
    }
  }

  /// Runs `certctl` with these arguments.
  package func run(_ arguments: String...) async throws -> ProgramResult {
    try await binary.run(arguments)
  }

  /// Whether the state directory exists.
  package var hasState: Bool { folder.contains("state") }

  /// Runs a failing command, as text and as JSON, and checks the form of both.
  ///
  /// - Returns: The message and the hint, which must be the same in both.
  @discardableResult
  package func fails(
    _ arguments: [String], exit code: Int32, _ errorCode: String,
    place: SourceLocation = #_sourceLocation
  ) async throws -> (message: String, hint: String) {
    let text = try await binary.run(arguments)
    #expect(text.exitCode == code, "\(arguments): \(text)", sourceLocation: place)
    #expect(text.standardOutput == "", "\(arguments)", sourceLocation: place)
    let json = try await binary.run(arguments + ["--json"])
    #expect(json.exitCode == code, "\(arguments) --json: \(json)", sourceLocation: place)
    #expect(json.standardError == "", "\(arguments) --json", sourceLocation: place)
    let object = try #require(
      JSONValue(Array(json.standardOutput.utf8)), "no JSON: \(json)", sourceLocation: place)
    #expect(object["version"].number == 1, sourceLocation: place)
    let error = object["error"]
    #expect(error["code"].string == errorCode, "\(arguments): \(json)", sourceLocation: place)
    expectKeys(error, place)
    let message = error["message"].string ?? ""
    let hint = error["hint"].string ?? ""
    #expect(!message.isEmpty, sourceLocation: place)
    // These errors contain nothing that differs between two runs, such as a time.
    let lines =
      message.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      + (hint.isEmpty ? [] : ["certctl: hint: \(hint)"])
    let expected = "certctl: " + lines.map { escapedForTerminal($0) + "\n" }.joined()
    #expect(text.standardError == expected, sourceLocation: place)
    #expect(!text.standardError.contains("\u{1B}"), sourceLocation: place)
    return (message, hint)
  }

  private func expectKeys(_ error: JSONValue, _ place: SourceLocation) {
    guard case .object(let fields) = error else {
      Issue.record("the error is no object", sourceLocation: place)
      return
    }
    let known: Set<String> = ["code", "message", "hint", "problem", "isRetryable"]
    #expect(Set(fields.keys).isSubset(of: known), sourceLocation: place)
    #expect(
      fields.keys.allSatisfy { $0.first?.isLowercase == true && !$0.contains("_") },
      sourceLocation: place)
  }
}
