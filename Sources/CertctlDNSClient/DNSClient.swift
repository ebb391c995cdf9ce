package import CertctlBase

/// A DNS client; tests replace it with a scripted one.
package protocol DNSClient: Sendable {
  /// Sends a query to one server.
  ///
  /// - Parameters:
  ///   - name: The name, in the form of `DNSName`.
  ///   - type: The record type.
  ///   - server: The server.
  ///   - isRecursive: Whether recursion is requested, as from a resolver.
  /// - Returns: The complete response, with any response code.
  /// - Throws: `HostError` if there is no response, `CancellationError`.
  func ask(
    _ name: String, _ type: DNSType, at server: Endpoint, isRecursive: Bool
  ) async throws -> DNSResponse

  /// Sends a complete message, such as a signed update, over TCP.
  ///
  /// - Parameters:
  ///   - message: The message.
  ///   - server: The server.
  /// - Returns: The bytes of the response, which has the ID of the message.
  /// - Throws: `HostError` if there is no response, `CancellationError`.
  func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8]
}

/// The DNS client for the network: UDP with retries, then TCP for truncated responses.
package struct NetworkDNSClient: DNSClient {
  /// The time limit of each UDP attempt; its count is the number of attempts.
  package var patience: [Duration]
  /// The time limit of a TCP exchange.
  package var streamLimit: Duration

  /// Creates a client.
  ///
  /// - Parameters:
  ///   - patience: The time limit of each UDP attempt.
  ///   - streamLimit: The time limit of a TCP exchange.
  package init(
    patience: [Duration] = [.seconds(1), .seconds(2), .seconds(3)],
    streamLimit: Duration = .seconds(5)
  ) {
    self.patience = patience
    self.streamLimit = streamLimit
  }

  package func ask(
    _ name: String, _ type: DNSType, at server: Endpoint, isRecursive: Bool
  ) async throws -> DNSResponse {
    for (attempt, limit) in patience.enumerated() {
      let message = try DNSMessage.question(
        name, type, id: .random(in: 0...(.max)), isRecursive: isRecursive)
      let answer: DNSResponse
      do {
        answer = try await DNSTransport.udp(message, to: server, within: limit) { bytes in
          try DNSMessage.response(bytes, to: message)
        }
      } catch let error as HostError where error.code == .timedOut && attempt + 1 < patience.count {
        continue
      }
      guard answer.isTruncated else { return answer }
      return try await askByTCP(message, server)
    }
    throw HostError(.timedOut, operation: "query", subject: "\(server)", detail: "no answer")
  }

  private func askByTCP(_ message: [UInt8], _ server: Endpoint) async throws -> DNSResponse {
    let answer = try await DNSTransport.tcp(message, to: server, within: streamLimit) { bytes in
      try DNSMessage.response(bytes, to: message)
    }
    guard !answer.isTruncated else {
      throw HostError(
        .malformedAnswer, operation: "query", subject: "\(server)",
        detail: "the response is truncated even over TCP")
    }
    return answer
  }

  package func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8] {
    try await DNSTransport.tcp(message, to: server, within: streamLimit) { bytes in
      bytes.prefix(2) == message.prefix(2) ? bytes : nil
    }
  }
}
