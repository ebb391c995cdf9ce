import CertctlBase
import CertctlHTTP
import FoundationEssentials
package import HostIO

/// Runs programs, and the commands of container engines that have no command line here.
///
/// A command whose program is a socket is carried out by the engine behind it; it has the words of
/// the command line, of which only those that certctl uses are known.
package struct EngineCommandRunner: CommandRunner {
  /// Runs everything else.
  let programs: any CommandRunner
  /// Makes a client for a socket, with the largest answer that it takes.
  var client: @Sendable (_ socket: String, _ limit: Int) -> any HTTPClient = { socket, limit in
    CurlHTTPClient(
      .init(
        userAgent: "certctl", maximumResponseBytes: limit, usesProxy: false, unixSocket: socket))
  }

  /// A runner in front of that of programs.
  package init(programs: any CommandRunner) { self.programs = programs }

  /// Whether the path of a program is that of an engine's socket.
  static func isSocket(_ path: String) -> Bool { path.hasSuffix(".sock") }

  package func run(_ command: Command) async throws -> CommandResult {
    guard Self.isSocket(command.executable) else { return try await programs.run(command) }
    let socket = command.executable
    let mayWrite = try await Blocking.run { FileFacts.mayWrite(socket) }
    guard mayWrite else {
      let isThere = try await Blocking.run { FileFacts(path: socket) != nil }
      return .failure(isThere ? "permission denied: \(socket)" : "cannot connect to \(socket)")
    }
    // More than the output alone: each piece has a head of eight bytes.
    let client = client(socket, command.outputLimit * 2)
    let session = EngineSession(client: client, timeout: command.timeLimit)
    let start = ContinuousClock.now
    do {
      var result = try await session.carryOut(command.arguments)
      result.duration = ContinuousClock.now - start
      return result
    } catch let error as HostError where error.code == .timedOut {
      return CommandResult(ending: .signalled(15), timedOut: true, output: error.description)
    } catch let error as HostError {
      return .failure("cannot connect to the engine: \(error)")
    }
  }
}

/// The engine's interface by HTTP, as far as it stands for its command line.
private struct EngineSession {
  let client: any HTTPClient
  let timeout: Duration

  func carryOut(_ words: [String]) async throws -> CommandResult {
    guard let verb = words.first, let last = words.last else { return .failure("no command") }
    switch verb {
    case "inspect":
      let answer = try await send(.get, "/containers/\(last)/json")
      guard answer.status == 200 else { return refusal(answer) }
      return .success("[\(text(answer).filter { !$0.isNewline })]")
    case "exec" where words.count > 2:
      return try await execute(Array(words.dropFirst(2)), in: words[1])
    case "ps": return try await names(words)
    case "logs":
      let answer = try await send(.get, "/containers/\(last)/logs?stdout=1&stderr=1&tail=3")
      return answer.status == 200 ? .success(Self.joined(answer.body)) : refusal(answer)
    default: return .failure("\(verb) is not known")
    }
  }

  private struct ExecRequest: Encodable {
    let AttachStdout = true
    let AttachStderr = true
    let Cmd: [String]
  }

  private struct ExecStart: Encodable {
    let Detach = false
    let Tty = false
  }

  private struct Created: Decodable { let Id: String }

  private struct Ended: Decodable {
    let Running: Bool
    let ExitCode: Int32?
  }

  private func execute(_ words: [String], in container: String) async throws -> CommandResult {
    let made = try await send(
      .post, "/containers/\(container)/exec", JSONEncoder().encode(ExecRequest(Cmd: words)))
    guard made.status == 201, let id = decoded(Created.self, made)?.Id,
      id.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return refusal(made) }
    // It answers when the program has ended.
    let output = try await send(.post, "/exec/\(id)/start", JSONEncoder().encode(ExecStart()))
    guard output.status == 200 else { return refusal(output) }
    var ended = try await send(.get, "/exec/\(id)/json")
    // The end of the output can be there a moment before that of the program.
    for _ in 0..<100 where decoded(Ended.self, ended)?.Running == true {
      try await Task.sleep(for: .milliseconds(20))
      ended = try await send(.get, "/exec/\(id)/json")
    }
    guard let end = decoded(Ended.self, ended), !end.Running, let code = end.ExitCode else {
      return refusal(ended)
    }
    return CommandResult(ending: .exited(code), output: Self.joined(output.body))
  }

  private struct Listed: Decodable { let Names: [String]? }

  private func names(_ words: [String]) async throws -> CommandResult {
    var query = words.contains("--all") ? "?all=1" : ""
    if let index = words.firstIndex(of: "--filter"), words.indices.contains(index + 1) {
      let label = words[index + 1].drop { $0 != "=" }.dropFirst()
      let json = try JSONEncoder().encode(["label": [String(label)]])
      query += "&filters=" + json.map { "%" + Self.hexadecimal($0) }.joined()
    }
    let answer = try await send(.get, "/containers/json\(query)")
    guard answer.status == 200 else { return refusal(answer) }
    let all = decoded([Listed].self, answer) ?? []
    return .success(
      all.compactMap { $0.Names?.first }.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        .joined(separator: "\n"))
  }

  // MARK: - Requests

  private func send(
    _ method: HTTPRequest.Method, _ path: String, _ body: Data? = nil
  ) async throws -> HTTPResponse {
    try await client.send(
      HTTPRequest(
        method, "http://localhost\(path)",
        headers: [HTTPField(name: "Content-Type", value: "application/json")],
        body: body.map { Array($0) }, timeout: timeout))
  }

  private struct Refusal: Decodable { let message: String }

  /// What the engine says against a request.
  private func refusal(_ answer: HTTPResponse) -> CommandResult {
    let words = decoded(Refusal.self, answer)?.message ?? text(answer)
    return .failure(words.isEmpty ? "the engine answers \(answer.status)" : words)
  }

  private func decoded<Value: Decodable>(_ type: Value.Type, _ answer: HTTPResponse) -> Value? {
    try? JSONDecoder().decode(type, from: Data(answer.body))
  }

  private func text(_ answer: HTTPResponse) -> String {
    String(decoding: answer.body, as: UTF8.self)
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }

  /// The text of a stream in which both outputs come in pieces, what was said against something
  /// first: one byte that says which, three of nothing, four with the length; or the stream itself
  /// where it has no pieces.
  static func joined(_ stream: [UInt8]) -> String {
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var rest = stream[...]
    while rest.count >= 8, rest[rest.startIndex] <= 2,
      rest[(rest.startIndex + 1)..<(rest.startIndex + 4)].allSatisfy({ $0 == 0 })
    {
      let length = rest[(rest.startIndex + 4)..<(rest.startIndex + 8)]
        .reduce(0) { $0 << 8 | Int($1) }
      let piece = rest.dropFirst(8).prefix(length)
      if rest[rest.startIndex] == 2 { errors += piece } else { output += piece }
      rest = rest.dropFirst(8 + length)
    }
    return String(decoding: errors + output + rest, as: UTF8.self)
  }
}

extension CommandResult {
  fileprivate static func success(_ output: String) -> CommandResult {
    CommandResult(ending: .exited(0), output: output)
  }

  fileprivate static func failure(_ output: String) -> CommandResult {
    CommandResult(ending: .exited(1), output: output)
  }
}
