import CertctlBase
import CertctlCore
import CertctlHTTP
import CertctlSystem
import FoundationEssentials

/// A container engine that is used over its socket, when no command line is installed.
struct SocketEngine: ContainerEngine {
  /// The absolute path of the socket.
  let path: String
  /// The variables that select the engine.
  let environment: EngineEnvironment
  /// Creates a client for the socket with a maximum response size.
  var client: @Sendable (_ socket: String, _ limit: Int) -> any HTTPClient = { socket, limit in
    CurlHTTPClient(
      .init(
        userAgent: "certctl", maximumResponseBytes: limit, usesProxy: false, unixSocket: socket))
  }

  /// The suffix of socket names, after the engine's name.
  static let suffix = ".sock"

  var name: String {
    let file = path.split(separator: "/").last.map(String.init) ?? "docker"
    return file.hasSuffix(Self.suffix) ? String(file.dropLast(Self.suffix.count)) : file
  }

  func inspect(_ container: String) async throws -> ContainerInspection? {
    try environment.requireThisMachine()
    try await environment.requireTrust(socket: path)
    do {
      let answer = try await session().send(.get, "/containers/\(container)/json")
      if EngineSession.saysNotFound(answer) { return nil }
      guard answer.status == 200, let found = ContainerInspection(json: answer.body) else {
        throw EngineSession.refusal(answer)
      }
      return found
    } catch let fault as EngineFault {
      throw fault.error(of: self)
    }
  }

  func exec(
    _ words: [String], in container: String, within limit: Duration, outputLimit: Int
  ) async throws -> CommandResult {
    do {
      return try await session(within: limit, outputLimit: outputLimit)
        .execute(words, in: container)
    } catch EngineFault.silent(let words) {
      return CommandResult(ending: .signalled(15), timedOut: true, output: words)
    } catch let fault as EngineFault {
      return CommandResult(ending: .exited(1), output: fault.words)
    }
  }

  func names(of selection: ContainerSelection) async throws -> [String] {
    do {
      return try await session().names(of: selection).filter(ContainerName.isValid).sorted()
    } catch is EngineFault {
      return []
    }
  }

  /// Returns why the socket cannot be used; nil if it can.
  @Disk private func obstacle() -> EngineFault? {
    guard !FileFacts.mayWrite(path) else { return nil }
    return FileFacts(path: path) == nil
      ? .notRunning("cannot connect to \(path)") : .forbidden("permission denied: \(path)")
  }

  func lastLines(of container: String) async throws -> String {
    do {
      let answer = try await session(outputLimit: 8 << 10)
        .send(.get, "/containers/\(container)/logs?stdout=1&stderr=1&tail=3")
      return answer.status == 200
        ? String(NginxMessage.summary(of: EngineSession.joined(answer.body)).prefix(400)) : ""
    } catch is EngineFault {
      return ""
    }
  }

  private func session(
    within limit: Duration = .seconds(60), outputLimit: Int = 4 << 20
  ) async throws -> EngineSession {
    if let fault = await obstacle() { throw fault }
    // Larger than the output: each chunk has a header of eight bytes.
    return EngineSession(client: client(path, outputLimit * 2), timeout: limit)
  }
}

/// The HTTP requests to an engine.
///
/// All methods throw `EngineFault` or `CancellationError`.
private struct EngineSession {
  let client: any HTTPClient
  let timeout: Duration

  // MARK: - Programs

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

  func execute(_ words: [String], in container: String) async throws -> CommandResult {
    let made = try await send(
      .post, "/containers/\(container)/exec", JSONEncoder().encode(ExecRequest(Cmd: words)))
    guard made.status == 201, let id = Self.decoded(Created.self, made)?.Id,
      id.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { throw Self.refusal(made) }
    // This request returns when the program has exited.
    let output = try await send(.post, "/exec/\(id)/start", JSONEncoder().encode(ExecStart()))
    guard output.status == 200 else { throw Self.refusal(output) }
    var ended = try await send(.get, "/exec/\(id)/json")
    // The output can end a moment before the program exits.
    for _ in 0..<100 where Self.decoded(Ended.self, ended)?.Running == true {
      try await Task.sleep(for: .milliseconds(20))
      ended = try await send(.get, "/exec/\(id)/json")
    }
    guard let end = Self.decoded(Ended.self, ended), !end.Running, let code = end.ExitCode else {
      throw Self.refusal(ended)
    }
    return CommandResult(ending: .exited(code), output: Self.joined(output.body))
  }

  // MARK: - Lists

  private struct Listed: Decodable { let Names: [String]? }

  func names(of selection: ContainerSelection) async throws -> [String] {
    let query: String
    switch selection {
    case .running: query = ""
    case .service(let service):
      let label = ContainerSelection.label(ofService: service)
      let json = try JSONEncoder().encode(["label": [label]])
      query = "?all=1&filters=" + json.map { "%" + Self.hexadecimal($0) }.joined()
    }
    let answer = try await send(.get, "/containers/json\(query)")
    guard answer.status == 200, let all = Self.decoded([Listed].self, answer) else {
      throw Self.refusal(answer)
    }
    return all.compactMap { $0.Names?.first }
      .map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }

  // MARK: - Requests

  func send(
    _ method: HTTPRequest.Method, _ path: String, _ body: Data? = nil
  ) async throws -> HTTPResponse {
    do {
      return try await client.send(
        HTTPRequest(
          method, "http://localhost\(path)",
          headers: [HTTPField(name: "Content-Type", value: "application/json")],
          body: body.map { Array($0) }, timeout: timeout))
    } catch let error as HostError {
      throw error.code == .timedOut
        ? EngineFault.silent(error.description)
        : EngineFault.notRunning(
          "cannot connect to the engine: \(error.detail ?? error.description)")
    }
  }

  private struct Refusal: Decodable { let message: String }

  /// Returns the engine's error message; nil if the response has none in its format.
  static func message(_ answer: HTTPResponse) -> String? { decoded(Refusal.self, answer)?.message }

  /// Returns whether the engine reports an unknown container.
  ///
  /// Other 404 responses, such as those for an unknown path or from a proxy, do not count.
  static func saysNotFound(_ answer: HTTPResponse) -> Bool {
    guard answer.status == 404, let words = message(answer)?.lowercased() else { return false }
    return words.contains("no such container") || words.contains("no container with")
  }

  /// Returns the fault for an unexpected response.
  static func refusal(_ answer: HTTPResponse) -> EngineFault {
    let words = message(answer) ?? String(decoding: answer.body, as: UTF8.self)
    let said = words.isEmpty ? "the engine returned \(answer.status)" : words
    return answer.status == 403 ? .forbidden(said) : .refused(said)
  }

  private static func decoded<Value: Decodable>(
    _ type: Value.Type, _ answer: HTTPResponse
  ) -> Value? {
    try? JSONDecoder().decode(type, from: Data(answer.body))
  }

  /// Returns the text of an output stream, standard error first.
  ///
  /// The stream consists of chunks: one byte for the output, three zero bytes, four bytes for the
  /// length, then the data. A stream without chunks is returned as it is.
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
