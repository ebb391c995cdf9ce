import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

extension LineageReport {
  /// The certificate as text, one fact per line, without unknown facts.
  var text: TerminalText { text(TimeText()) }

  /// Returns the certificate as `text` does, with times in the given format.
  func text(_ times: TimeText) -> TerminalText {
    Facts(stateFacts(times) + useFacts(times) + requestFacts + certificateFacts(times) + fileFacts)
      .text()
  }

  /// The reason for the renewal time, without the time, which has a line of its own.
  private var reasonAlone: String? {
    renewReason.map { reason in
      guard reason.hasPrefix("due on "), let mark = reason.firstRange(of: ": ") else {
        return reason
      }
      return String(reason[mark.upperBound...])
    }
  }

  private typealias Fact = (label: String, value: String?)

  private func stateFacts(_ times: TimeText) -> [Fact] {
    let isOver = notAfter.map { $0 <= times.now } ?? false
    // `renewAt` is the current time for a reason without a date.
    let isDue = renewAt.map { $0 <= times.now.addingTimeInterval(-60) } ?? false
    return [
      ("name", name), ("state", stateWords),
      (
        "problem",
        damage.map { times.rewritten(([$0.message] + $0.hintLines).joined(separator: "\n")) }
      ),
      ("names", names.isEmpty ? nil : names.joined(separator: ", ")),
      ("names missing", missingNames?.joined(separator: ", ")),
      (isOver ? "expired" : "expires", notAfter.map(times.text)),
      (isDue ? "due since" : "renews", renewAt.map(isDue ? times.text : times.dueText)),
      ("because", reasonAlone.map(times.rewritten)),
      (
        "CA suggests",
        suggestion.map { "\(times.text($0.start)) to \(times.text($0.end))" }
      ),
      ("explanation", suggestion?.explanationURL),
      (
        "failures",
        failures.map { $0 == 1 ? "1 attempt" : "\($0) attempts in a row" }
      ),
      (
        "last failure", lastFailure.map { "\(times.text($0.date)): \(times.rewritten($0.message))" }
      ),
    ]
  }

  private var stateWords: String {
    state == .placeholder
      ? "\(state.words) (servers use a self-signed placeholder)" : state.words
  }

  private func useFacts(_ times: TimeText) -> [Fact] {
    [
      ("deployment", deploymentWords.map(times.rewritten)),
      ("sites", sites.flatMap { $0.isEmpty ? nil : $0.map(\.words).joined(separator: ", ") }),
      ("nginx", nginxWords),
    ]
  }

  private var deploymentWords: String? {
    guard let deployment else { return nil }
    return deploymentFailure.map { "\(deployment.words): \($0)" } ?? deployment.words
  }

  /// The nginx processes that use the certificate; nil if unknown.
  private var nginxWords: String? {
    guard let usedByNginx else { return nil }
    guard usedByNginx else { return "not used by nginx" }
    return (nginx ?? []).map(\.words).joined(separator: "\n")
  }

  private var requestFacts: [Fact] {
    [
      ("CA", authority), ("CA URL", directoryURL == authority ? nil : directoryURL),
      ("challenge", challenge),
      ("DNS provider", dns), ("key type", keyType),
    ]
  }

  private func certificateFacts(_ times: TimeText) -> [Fact] {
    [
      ("issuer", issuer), ("serial", serial), ("SHA-256", sha256),
      ("valid from", notBefore.map(times.text)), ("obtained", obtained.map(times.text)),
      ("version", versionWords),
      (
        "kept versions",
        generations.flatMap { $0.isEmpty ? nil : $0.map(String.init).joined(separator: ", ") }
      ),
      (
        "RSA",
        rsa.map { "\($0.keyType), serial \($0.serial), expires \(times.text($0.notAfter))" }
      ),
    ]
  }

  private var versionWords: String? {
    generation.map { number in
      "\(number)" + (generationInUse.map { " (servers still use version \($0))" } ?? "")
    }
  }

  private var fileFacts: [Fact] {
    [
      ("certificate", fullchain), ("key", privkey), ("RSA chain", rsa?.fullchain),
      ("RSA key", rsa?.privkey),
    ]
  }

  /// Returns the details of a new certificate, indented below its headline.
  func outcome(_ times: TimeText = TimeText()) -> TerminalText {
    let missing = missingNames ?? []
    return Facts([
      ("missing", missing.isEmpty ? nil : missing.joined(separator: ", ")),
      ("expires", notAfter.map(times.text)), ("renews", renewAt.map(times.dueText)),
      ("certificate", fullchain), ("key", privkey ?? "not stored (from your CSR)"),
      ("RSA chain", rsa?.fullchain), ("RSA key", rsa?.privkey),
    ]).text(indent: 2)
  }
}

extension LineageReport.Site {
  fileprivate var words: String { isEnabled ? name : "\(name) (disabled)" }
}

extension LineageReport.NginxUse {
  fileprivate var words: String {
    let place = container.map { "container \($0)" } ?? "this host (\(unit ?? executable))"
    return addresses.isEmpty ? place : "\(place): \(addresses.joined(separator: ", "))"
  }
}
