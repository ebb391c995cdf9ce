/// What a service calls its zones, remembered for as long as the provider lives.
package actor VendorZones<Identity: Sendable> {
  private var known: [String: Identity] = [:]

  /// Nothing is known yet.
  package init() {}

  /// The service's own identity of a zone, looked up once.
  ///
  /// - Parameters:
  ///   - zone: The zone's name.
  ///   - find: Asks the service.
  /// - Returns: The identity.
  /// - Throws: What `find` throws.
  package func identity(
    of zone: String, _ find: @Sendable () async throws -> Identity
  ) async throws -> Identity {
    if let identity = known[zone] { return identity }
    let identity = try await find()
    known[zone] = identity
    return identity
  }
}
