/// A cache of the identifiers that a service assigns to zones, for the lifetime of the provider.
package actor VendorZones<Identity: Sendable> {
  private var known: [String: Identity] = [:]

  /// Creates an empty cache.
  package init() {}

  /// Returns the identifier of a zone, looked up once.
  ///
  /// - Parameters:
  ///   - zone: The name of the zone.
  ///   - find: Looks up the identifier at the service.
  /// - Returns: The identifier.
  /// - Throws: The errors of `find`.
  package func identity(
    of zone: String, _ find: @Sendable () async throws -> Identity
  ) async throws -> Identity {
    if let identity = known[zone] { return identity }
    let identity = try await find()
    known[zone] = identity
    return identity
  }
}
