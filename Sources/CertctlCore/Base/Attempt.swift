/// What came of `body`: what it returned, or its error in certctl's words.
///
/// This is the one place that tells a cancellation from a failure: cancellation ends whatever runs, so
/// it is thrown on.
///
/// - Parameter body: The work.
/// - Returns: Its value or its error.
/// - Throws: `CancellationError` only.
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
