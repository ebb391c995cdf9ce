import Logging

extension Manager {
  /// Renews what is due, deploys what is new, and tells hooks of it.
  ///
  /// With nothing due, nothing to ask and nothing to deploy it makes no request. One lineage that
  /// fails stops no other, and stands in the report with its reason.
  ///
  /// - Throws: `CertctlError` when the run as a whole cannot be made, `notFound` when a lineage that
  ///   was named is not there; `CancellationError` after all that was presented is retracted.
  public func renew(_ request: RenewRequest = .init()) async throws -> RenewReport {
    do {
      let sessions = AuthoritySessions(self, registration: completed(.init()))
      return try await RenewalRun(manager: self, request: request, sessions: sessions).run()
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CertctlError(wrapping: error)
    }
  }
}
