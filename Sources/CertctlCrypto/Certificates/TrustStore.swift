import COpenSSL
public import FoundationEssentials

/// The roots for the verification of chains.
public struct TrustStore: Sendable {
  let handle: SharedHandle

  private init(_ store: consuming Owned) { handle = store.shared() }

  /// Returns the system's roots, from OpenSSL's default location.
  ///
  /// `SSL_CERT_FILE` and `SSL_CERT_DIR` take precedence.
  ///
  /// This reads files.
  ///
  /// - Returns: The store.
  /// - Throws: `CryptoError` when the system's file is damaged.
  public static func system() throws(CryptoError) -> TrustStore {
    let operation = "load the system's trust store"
    ErrorQueue.clear()
    let store = try unsafe Owned(X509_STORE_new(), X509_STORE_free, operation)
    guard unsafe X509_STORE_set_default_paths(store.pointer) == 1 else {
      throw .drained(operation)
    }
    // A missing file is not an error to OpenSSL, but leaves errors in the queue.
    ErrorQueue.clear()
    return TrustStore(store)
  }

  /// Creates a store that trusts only the given certificates, not the system's roots.
  ///
  /// - Parameter pem: At least one certificate. An intermediate is trusted without its root, as in
  ///   curl.
  /// - Throws: `CryptoError` with `.malformed`.
  public init(pem: [UInt8]) throws(CryptoError) {
    let operation = "load the trust store"
    let roots = try Certificate.chain(pem: pem)
    let store = try unsafe Owned(X509_STORE_new(), X509_STORE_free, operation)
    for root in roots {
      guard unsafe X509_STORE_add_cert(store.pointer, root.handle.pointer) == 1 else {
        throw .drained(operation, subject: root.subject)
      }
    }
    guard unsafe X509_STORE_set_flags(store.pointer, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1 else {
      throw .drained(operation)
    }
    self.init(store)
  }

  /// Verifies that a chain leads to one of the roots and is valid for a TLS server at a time.
  ///
  /// Names are not checked (see `Certificate.covers(_:)`), and neither is revocation.
  ///
  /// - Parameters:
  ///   - chain: The leaf first; the others in any order, including unneeded ones.
  ///   - time: The time of the verification; OpenSSL treats `notAfter` itself as expired.
  /// - Throws: `CryptoError` with `.untrusted`; the reason names the depth (0 is the leaf) and
  ///   subject.
  public func verify(_ chain: [Certificate], at time: Date) throws(CryptoError) {
    let operation = "verify the certificate chain"
    guard let leaf = chain.first else {
      throw CryptoError(.untrusted, operation: operation, reasons: ["the chain is empty"])
    }
    ErrorQueue.clear()
    let others = try CertificateStack(chain.dropFirst(), operation)
    let context = try unsafe Owned(X509_STORE_CTX_new(), X509_STORE_CTX_free, operation)
    guard
      unsafe X509_STORE_CTX_init(
        context.pointer, handle.pointer, leaf.handle.pointer, others.pointer) == 1,
      unsafe X509_STORE_CTX_set_default(context.pointer, "ssl_server") == 1
    else { throw .drained(operation) }
    let seconds = time_t(time.timeIntervalSince1970.rounded(.down))
    unsafe X509_STORE_CTX_set_time(context.pointer, 0, seconds)
    guard unsafe X509_verify_cert(context.pointer) != 1 else { return }
    throw TrustStore.failure(context, leaf: leaf, operation)
  }

  private static func failure(
    _ context: borrowing Owned, leaf: Certificate, _ operation: String
  ) -> CryptoError {
    ErrorQueue.clear()
    let error = unsafe X509_STORE_CTX_get_error(context.pointer)
    let depth = unsafe X509_STORE_CTX_get_error_depth(context.pointer)
    var place = "depth \(depth)"
    if let current = unsafe X509_STORE_CTX_get_current_cert(context.pointer),
      let name = try? unsafe ASN1Text.text(ofName: X509_get_subject_name(current), operation),
      !name.isEmpty
    {
      place += ", \(name)"
    }
    return CryptoError(
      .untrusted, operation: operation,
      subject: leaf.dnsNames.first ?? leaf.ipAddresses.first ?? leaf.subject,
      reasons: ["\(reason(error)) (\(place))"], hint: hint(error))
  }

  /// OpenSSL's text for a verification result.
  static func reason(_ error: Int) -> String { reason(Int32(truncatingIfNeeded: error)) }

  private static func reason(_ error: Int32) -> String {
    guard let words = unsafe X509_verify_cert_error_string(Int(error)) else {
      return "error \(error)"
    }
    return unsafe String(cString: words)
  }

  private static func hint(_ error: Int32) -> String? {
    switch error {
    case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
      "check the certificate's dates and this machine's clock"
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      "add the missing intermediate to the chain, or the root to the trust store"
    default: nil
    }
  }
}

/// OpenSSL's list of certificates.
struct CertificateStack: ~Copyable {
  private let stack: Owned

  /// Creates a list, which holds references of its own.
  init(_ certificates: some Sequence<Certificate>, _ operation: String) throws(CryptoError) {
    let stack = try unsafe Owned(
      certctl_certificates_new(), certctl_certificates_free, operation)
    for certificate in certificates {
      guard
        unsafe certctl_certificates_push(stack.pointer, certificate.handle.pointer) == 1
      else { throw .drained(operation) }
    }
    self.stack = stack
  }

  var pointer: OpaquePointer { unsafe stack.pointer }
}
