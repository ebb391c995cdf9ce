internal import CertctlBase
internal import FoundationEssentials

/// Converts error responses to errors.
enum ErrorAnswer {
  /// Returns the error for a response whose status is not 2xx.
  static func error(for response: HTTPResponse, _ task: RequestContext, now: Date) -> ACMEError {
    var error = ACMEError(
      .unexpectedAnswer, task.operation, subject: task.subject, status: response.status,
      retryAfter: RetryAfter.instant(response.header("Retry-After"), now: now))
    if let problem = problem(in: response) {
      error.problem = problem
      error.code = problem.errorCode
      error.hint = problem.hint
      if problem.type == .userActionRequired { error.hint = termsHint(problem, response) }
    } else {
      error.detail = summary(of: response)
      error.hint = hint(for: response)
    }
    if response.status == 429 || error.problem?.type == .rateLimited {
      error.code = .rateLimited
      error.isRetryable = true
      error.hint = error.hint ?? ProblemType.rateLimited.hint
    } else if response.status >= 500 || response.status == 408 {
      error.code = .unavailable
      error.isRetryable = response.status != 501
      error.mayHaveBeenProcessed = true
    } else if error.problem?.type == .badNonce {
      error.isRetryable = true
    }
    return error
  }

  /// Returns the problem document of a response; `nil` if it has none, or an empty one.
  static func problem(in response: HTTPResponse) -> Problem? {
    guard let problem = JSON.decode(Problem.self, from: response.body) else { return nil }
    let isEmpty =
      problem.type.rawValue == "about:blank" && problem.detail == nil && problem.title == nil
    return isEmpty ? nil : problem
  }

  /// Returns a description of a response: status, content type and the start of the body.
  static func summary(of response: HTTPResponse) -> String {
    var text = "HTTP status \(response.status)"
    if let type = response.header("Content-Type")?.split(separator: ";").first {
      text += " (" + String(type).trimmed.shortened(to: 60) + ")"
    }
    if let target = response.header("Location"), (300..<400).contains(response.status) {
      text += ", a redirect to " + target.shortened(to: 200)
    }
    let words = firstWords(response.body)
    return words.isEmpty ? text : text + ": \"" + words + "\""
  }

  /// Returns the start of a body, without HTML tags.
  static func firstWords(_ body: [UInt8], limit: Int = 160) -> String {
    var out = ""
    var isTag = false
    for character in String(decoding: body.prefix(4096), as: UTF8.self) {
      if character == "<" { isTag = true }
      if isTag || character.isWhitespace {
        if !out.hasSuffix(" "), !out.isEmpty { out.append(" ") }
      } else {
        out.append(character)
      }
      if character == ">" { isTag = false }
      if out.count > limit { break }
    }
    return out.trimmed.shortened(to: limit)
  }

  private static func hint(for response: HTTPResponse) -> String? {
    let type = response.header("Content-Type")?.lowercased() ?? ""
    if (300..<400).contains(response.status) {
      return "check the CA's directory URL: signed requests follow no redirects"
    }
    guard type.hasPrefix("text/html") else { return nil }
    return "check for a proxy or another web server that responds in place of the CA"
  }

  /// Returns the hint for changed terms of service (RFC 8555 section 7.3.3).
  private static func termsHint(_ problem: Problem, _ response: HTTPResponse) -> String? {
    let terms = LinkHeader.targets(
      relation: "terms-of-service", in: response.headers("Link")
    ).first { $0.hasPrefix("https://") }
    guard let terms else { return problem.hint }
    return (problem.hint.map { $0 + "; " } ?? "") + "terms of service: "
      + terms.shortened(to: 500)
  }
}
