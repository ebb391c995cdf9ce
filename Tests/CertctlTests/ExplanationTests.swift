import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore

/// `certctl explain` covers every code that `--json` can contain.
struct ExplanationTests {
  /// Returns the group of each match of a pattern in a file of `Sources`.
  private func words(_ pattern: Regex<(Substring, Substring)>, in file: String) throws -> [String] {
    let text = try #require(readText(Checkout.path("Sources/\(file)")))
    let words = text.matches(of: pattern).map { String($0.1) }
    #expect(!words.isEmpty, "no code in \(file)")
    return words
  }

  @Test func `every error code has one explanation`() throws {
    let pattern = /static let \w+ = (?:HostError\.)?Code\((?:rawValue: "|value: \.)(\w+)/
    var codes = try words(pattern, in: "CertctlCore/Base/CertctlError.swift")
    codes += try words(pattern, in: "CertctlBase/HostError.swift")
    codes += try words(pattern, in: "CertctlCrypto/CryptoError.swift")
    codes += try words(pattern, in: "CertctlSystem/Text/XMLTree.swift")
    // These have a different raw value in JSON.
    let renamed: Set = ["lockHeld", "badCABundle", "addressInUse"]
    let known = Explanation.all.filter { $0.kind == .error }.map(\.code)
    #expect(Set(codes).subtracting(renamed) == Set(known))
    #expect(Set(known).count == known.count)
  }

  @Test func `every ACME problem type has one explanation`() throws {
    let types = try words(
      /static let \w+ = Self\(rawValue: "(\w+)"\)/, in: "ACME/Problem.swift")
    let known = Explanation.all.filter { $0.kind == .problem }.map(\.code)
    #expect(known == types.sorted())
  }

  @Test func `explanations are whole sentences`() {
    for explanation in Explanation.all {
      for text in [explanation.cause, explanation.effect, explanation.cure] {
        #expect(
          text.last == "." && text.first != " ", "\(explanation.code): \(text)")
        #expect(!text.contains("  ") && text.count < 300, "\(explanation.code): \(text)")
      }
    }
  }

  @Test func `a code is found in any letter case, a problem also by its URN`() {
    #expect(Explanation.of("DISKFULL").map(\.code) == ["diskFull"])
    #expect(
      Explanation.of("deploymentFailed").map(\.kind) == [.error, .finding], "both kinds of it")
    #expect(Explanation.of("urn:ietf:params:acme:error:caa").map(\.kind) == [.problem])
    #expect(Explanation.of("urn:ietf:params:acme:error:expired").isEmpty)
    #expect(Explanation.of("nothing").isEmpty)
  }

  @Test func `the errors page matches certctl explain`() throws {
    try expectSnapshot(ErrorsPage.text, "/Documentation/Errors.md")
  }
}

/// The text of Documentation/Errors.md.
enum ErrorsPage {
  static var text: String {
    """
    # Errors

    `certctl explain CODE` prints the same, offline. Generated from the code: run `make snapshots`
    after a change.

    With `--json` a command that fails prints `error.code` for scripts, `error.message` for people, and the
    CA's own words in `error.problem`. Findings of reports are listed in [Findings](Findings.md).

    ## Codes

    \(table(.error))

    ## Problems of the CA

    The last word of `error.problem.type` (RFC 8555 section 6.7), which other ACME clients show as
    well.

    \(table(.problem))

    """
  }

  private static func table(_ kind: Explanation.Kind) -> String {
    let rows = Explanation.all.filter { $0.kind == kind }
    guard kind == .error else {
      return
        (["| type | cause | cure |", "|---|---|---|"]
        + rows.map { "| `\($0.code)` | \($0.cause) | \($0.cure) |" }).joined(separator: "\n")
    }
    return
      (["| code | cause | effect | cure |", "|---|---|---|---|"]
      + rows.map { "| `\($0.code)` | \($0.cause) | \($0.effect) | \($0.cure) |" })
      .joined(separator: "\n")
  }
}
