import CertctlCrypto
import FoundationEssentials
import Testing

@Suite struct TrustStoreTests {
  @Test func `a chain to the root is trusted in any order after the leaf`() async throws {
    let ca = try await SharedCA.value()
    let store = try TrustStore(pem: ca.root.pem)
    let now = ca.leaf.notBefore.addingTimeInterval(60)
    try store.verify(ca.chain, at: now)
    try store.verify([ca.leaf, ca.root, ca.intermediate], at: now)
    try TrustStore(pem: ca.intermediate.pem).verify([ca.leaf], at: now)
  }

  @Test func `an expired or future chain is rejected with the depth`() async throws {
    let ca = try await SharedCA.value()
    let store = try TrustStore(pem: ca.root.pem)
    try store.verify(ca.chain, at: ca.leaf.notAfter.addingTimeInterval(-1))
    let expired = try #require(throws: CryptoError.self) {
      try store.verify(ca.chain, at: ca.leaf.notAfter.addingTimeInterval(1))
    }
    #expect(expired.code == .untrusted)
    #expect(expired.subject == "example.com")
    #expect(expired.reasons == ["certificate has expired (depth 0)"])
    let future = try #require(throws: CryptoError.self) {
      try store.verify(ca.chain, at: ca.root.notBefore.addingTimeInterval(-3600))
    }
    #expect(future.description.contains("not yet valid"))
    #expect(future.hint?.contains("clock") == true, "\(future)")
  }

  @Test func `a missing intermediate and another root are rejected`() async throws {
    let ca = try await SharedCA.value()
    let other = try await TestCA.make()
    let now = ca.leaf.notBefore.addingTimeInterval(60)
    for (store, chain) in [
      (try TrustStore(pem: ca.root.pem), [ca.leaf]),
      (try TrustStore(pem: other.root.pem), ca.chain),
      (try TrustStore(pem: other.root.pem), ca.chain + [ca.root]),
      (try TrustStore(pem: ca.root.pem), []),
      (try TrustStore.system(), ca.chain),
    ] {
      let error = try #require(throws: CryptoError.self) { try store.verify(chain, at: now) }
      #expect(error.code == .untrusted)
    }
  }
}
