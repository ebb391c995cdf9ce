/// One CA for all tests that only look at it.
enum SharedCA {
  private static let task = Task { try await TestCA.make() }

  static func value() async throws -> TestCA { try await task.value }
}
