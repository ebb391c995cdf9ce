/// Returns the value of `body`, or its error as a `CertctlError`.
///
/// This is the one place that distinguishes cancellation from failure: it rethrows a
/// `CancellationError`, which stops the whole run.
///
/// - Parameter body: The work.
/// - Returns: Its value or its error.
/// - Throws: Only `CancellationError`.
package func attempt<Value>(
  _ body: () async throws -> Value
) async throws(CancellationError) -> Result<Value, CertctlError> {
  do {
    return .success(try await body())
  } catch let error as CancellationError {
    throw error
  } catch {
    return .failure(CertctlError(wrapping: error))
  }
}
