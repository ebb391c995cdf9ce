package import CertctlBase

/// Whoever asks DNS servers; tests replace it by a script.
package protocol DNSClient: Sendable {
  /// Asks one server one question.
  ///
  /// - Parameters:
  ///   - name: The name, in the form of `DNSName`.
  ///   - type: The type of the records.
  ///   - server: The server.
  ///   - isRecursive: Whether it is to find out, as resolvers do, or to say what it has itself.
  /// - Returns: The answer, whole, whatever its code.
  /// - Throws: `HostError` when there is none, `CancellationError`.
  func ask(
    _ name: String, _ type: DNSType, at server: Endpoint, isRecursive: Bool
  ) async throws -> DNSResponse

  /// Sends a message that is made already, such as a signed update, by TCP.
  ///
  /// - Parameters:
  ///   - message: The message.
  ///   - server: The server.
  /// - Returns: The bytes of the answer, with the number of the message.
  /// - Throws: `HostError` when there is none, `CancellationError`.
  func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8]
}

/// Asks over the network: UDP, a few times, then TCP where the answer does not fit.
package struct NetworkDNSClient: DNSClient {
  /// How long one datagram is waited for, and each further one.
  package var patience: [Duration]
  /// How long an exchange by TCP may take.
  package var streamLimit: Duration

  /// A client.
  ///
  /// - Parameters:
  ///   - patience: How long to wait for the answer to each datagram; there are so many.
  ///   - streamLimit: How long an exchange by TCP may take.
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
    throw HostError(.timedOut, operation: "ask", subject: "\(server)", detail: "no answer")
  }

  private func askByTCP(_ message: [UInt8], _ server: Endpoint) async throws -> DNSResponse {
    let answer = try await DNSTransport.tcp(message, to: server, within: streamLimit) { bytes in
      try DNSMessage.response(bytes, to: message)
    }
    guard !answer.isTruncated else {
      throw HostError(
        .malformedAnswer, operation: "ask", subject: "\(server)",
        detail: "the answer is cut off even by TCP")
    }
    return answer
  }

  package func send(_ message: [UInt8], to server: Endpoint) async throws -> [UInt8] {
    try await DNSTransport.tcp(message, to: server, within: streamLimit) { bytes in
      bytes.prefix(2) == message.prefix(2) ? bytes : nil
    }
  }
}
