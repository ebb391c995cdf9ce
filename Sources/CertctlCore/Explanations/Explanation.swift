/// What `certctl explain` prints about one code of `--json`.
package struct Explanation: Encodable, Sendable, Equatable {
  /// Where a code occurs.
  package enum Kind: String, Encodable, Sendable, CaseIterable {
    /// `error.code` of a command that failed.
    case error
    /// `findings[].code` of a report.
    case finding
    /// `error.problem.type` of a CA's response, without `urn:ietf:params:acme:error:` (RFC 8555
    /// section 6.7).
    case problem
  }

  /// The code, as it is in JSON.
  package let code: String
  /// Where it occurs.
  package let kind: Kind
  /// What it means and why it happens.
  package let cause: String
  /// What it means for the user: what was changed, what still works.
  package let effect: String
  /// What to do about it.
  package let cure: String

  init(_ kind: Kind, _ code: String, cause: String, effect: String, cure: String) {
    self.code = code
    self.kind = kind
    self.cause = cause
    self.effect = effect
    self.cure = cure
  }

  /// All explanations, in the order in which they are listed.
  package static let all = errors + findings + problems

  /// Returns the explanations of a code: more than one where several kinds share it.
  ///
  /// - Parameter code: The code in any case, or a problem type with its whole URN.
  /// - Returns: The explanations; none for an unknown code.
  package static func of(_ code: String) -> [Explanation] {
    let prefix = "urn:ietf:params:acme:error:"
    let word = code.lowercased()
    let short = word.hasPrefix(prefix) ? String(word.dropFirst(prefix.count)) : word
    let kinds: Set<Kind> = short == word ? Set(Kind.allCases) : [.problem]
    return all.filter { $0.code.lowercased() == short && kinds.contains($0.kind) }
  }
}
