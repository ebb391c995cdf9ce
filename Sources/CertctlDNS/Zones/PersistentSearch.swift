import ACME
import CertctlBase
import CertctlDNSClient
package import CertctlStore
package import FoundationEssentials

/// The search for a persistent record at all name servers of its zone.
package struct PersistentSearch: Sendable {
  package let view: ZoneLocator
  package let now: Date

  package init(view: ZoneLocator, now: Date) {
    self.view = view
    self.now = now
  }

  /// The result of a search.
  package struct Coverage: Sendable {
    /// The location of the record.
    package let place: RecordLocation
    /// The servers that answer but lack a suitable record, with the reasons.
    package var lacking: [String] = []
    /// The servers that do not answer.
    var silent: [String] = []
    /// The number of servers with a suitable record.
    package var count = 0

    /// The problems, as text; empty if all servers have the record.
    package var words: String { (lacking + silent).joined(separator: "; ") }
  }

  /// Searches for a record that satisfies a challenge.
  ///
  /// - Throws: `CertctlError` if the zone is not found, `CancellationError`.
  package func find(_ challenge: PresentedChallenge) async throws -> Coverage {
    let place = try await view.place(
      of: PersistentRecord.name(of: challenge.identifier.baseDomain))
    var coverage = Coverage(place: place)
    for server in place.zone.servers {
      var isSilent = true
      var trouble: String?
      for endpoint in server.endpoints where trouble == nil {
        guard let texts = try await texts(of: place.name, at: endpoint) else { continue }
        isSilent = false
        trouble = objection(to: texts, for: challenge)
      }
      if let trouble {
        coverage.lacking.append("\(server.name) \(trouble)")
      } else if isSilent {
        coverage.silent.append("\(server.name) does not answer")
      } else {
        coverage.count += 1
      }
    }
    return coverage
  }

  /// Returns the texts that a server has; nil if it does not answer.
  private func texts(of name: String, at endpoint: Endpoint) async throws -> [String]? {
    do {
      let answer = try await view.client.ask(name, .txt, at: endpoint, isRecursive: false)
      let known = [DNSResponse.noError, DNSResponse.noSuchName]
      guard known.contains(answer.code) else { return nil }
      return Propagation.texts(answer, of: name).sorted()
    } catch let error as HostError where error.code != .missingLibrary {
      return nil
    }
  }

  private func objection(to texts: [String], for challenge: PresentedChallenge) -> String? {
    let objections = texts.map { text -> String? in
      guard let record = PersistentRecord(text: text) else { return "is malformed" }
      return record.objection(to: challenge, now: now)
    }
    guard !objections.contains(nil) else { return nil }
    let words = zip(texts, objections).compactMap { text, words in
      words.map { "\"\(text)\", which \($0)" }
    }
    return words.isEmpty ? "does not have it" : "has \(words.joined(separator: ", and "))"
  }
}
