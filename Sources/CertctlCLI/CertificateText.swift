import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

extension LineageReport {
  /// The certificate for a person, one fact a line; what is not known is left out.
  var text: TerminalText { text(TimeText()) }

  /// The same, with times as seen from a moment.
  func text(_ times: TimeText) -> TerminalText {
    Facts(stateFacts(times) + useFacts(times) + requestFacts + certificateFacts(times) + fileFacts)
      .text()
  }

  private typealias Fact = (label: String, value: String?)

  private func stateFacts(_ times: TimeText) -> [Fact] {
    let isOver = notAfter.map { $0 <= times.now } ?? false
    // What has no date of its own is due from now on.
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
      ("because", renewReason.map(times.rewritten)),
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

  /// Which nginx uses it; nil where that is not known.
  private var nginxWords: String? {
    guard let usedByNginx else { return nil }
    guard usedByNginx else { return "not used by nginx" }
    return (nginx ?? []).map(\.words).joined(separator: "\n")
  }

  private var requestFacts: [Fact] {
    [
      ("CA", authority), ("CA URL", directoryURL), ("challenge", challenge),
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

  /// What a new certificate means, in lines below its headline.
  func outcome(_ times: TimeText = TimeText()) -> TerminalText {
    let missing = missingNames ?? []
    return Facts([
      ("missing", missing.isEmpty ? nil : missing.joined(separator: ", ")),
      ("expires", notAfter.map(times.text)), ("renews", renewAt.map(times.dueText)),
      ("certificate", fullchain), ("key", privkey ?? "not stored here: it is yours"),
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
