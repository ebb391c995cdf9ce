/// A CA shared by the tests that do not change it.
enum SharedCA {
  private static let task = Task { try await TestCA.make() }

  static func value() async throws -> TestCA { try await task.value }
}
