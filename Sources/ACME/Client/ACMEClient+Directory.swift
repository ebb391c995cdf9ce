internal import CertctlBase
internal import FoundationEssentials
internal import Synchronization

/// The directory in use, and whether it comes directly from the CA.
struct KnownDirectory: Sendable {
  var directory: Directory
  var isFresh: Bool
  var rule: URLPolicy
}

extension ACMEClient {
  /// Returns the CA's directory: from memory, from the cache, or from the CA, in that order.
  public func directory() async throws -> Directory {
    try await knownDirectory().directory
  }

  /// Requests the CA's directory and stores it in the cache.
  public func refreshedDirectory() async throws -> Directory {
    try await fetchDirectory(try URLPolicy(directory: directoryURL)).directory
  }

  func knownDirectory() async throws -> KnownDirectory {
    if let entry = known.withLock({ $0 }) { return entry }
    let rule = try URLPolicy(directory: directoryURL)
    if let cached = await cache?.directory(for: directoryURL) {
      let entry = KnownDirectory(directory: cached, isFresh: false, rule: rule)
      known.withLock { $0 = entry }
      return entry
    }
    return try await fetchDirectory(rule)
  }

  private func fetchDirectory(_ rule: URLPolicy) async throws -> KnownDirectory {
    let task = RequestContext("read the directory", directoryURL)
    var budget = RetryBudget(policy)
    let request = HTTPRequest(
      .get, directoryURL, headers: [HTTPField(name: "Accept", value: "application/json")],
      followsRedirects: true)
    let response: HTTPResponse
    do {
      response = try await perform(task, rule: rule, budget: &budget) { _ in request }
    } catch let error as ACMEError where error.status != nil && !error.isRetryable {
      var refused = error
      refused.code = .directoryUnusable
      refused.hint = "check the CA's directory URL"
      throw refused
    }
    guard let directory = JSON.decode(Directory.self, from: response.body) else {
      throw ACMEError(
        .directoryUnusable, task.operation, subject: directoryURL, status: response.status,
        detail: "not an ACME directory: " + ErrorAnswer.summary(of: response),
        hint: "check the CA's directory URL")
    }
    let entry = KnownDirectory(directory: directory, isFresh: true, rule: rule)
    known.withLock { $0 = entry }
    await cache?.store(directory, for: directoryURL)
    return entry
  }

  /// Drops a stale directory that came from the cache; returns whether there was one.
  func forgetStaleDirectory() -> Bool {
    known.withLock {
      guard let entry = $0, !entry.isFresh else { return false }
      $0 = nil
      return true
    }
  }
}
