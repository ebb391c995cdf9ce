import CertctlCrypto
import TestSupport
import Testing

/// What must hold of a state directory whenever nobody writes to it.
extension CrashCase {
  /// All that is in the state directory, as relative paths.
  var contents: [String] { TemporaryFolder(existing: state).contents() }

  /// The text of a file of the state directory, or nil when there is none.
  func read(_ path: String) -> String? { readText("\(state)/\(path)") }

  /// The account files, parsed.
  var accounts: [JSONValue] {
    contents.filter { $0.hasPrefix("accounts/") && $0.hasSuffix("/account.json") }
      .compactMap { JSONValue(Array((read($0) ?? "").utf8)) }
  }

  /// The leaf in use, nil when there is none; a mix of two generations is a failure.
  @discardableResult
  func expectLivePairOrNone() throws -> Certificate? {
    let live = "live/\(CrashLab.name)"
    guard TemporaryFolder(existing: state).contains(live) else { return nil }
    let chain = try Certificate.chain(pem: bytes("\(live)/fullchain.pem"))
    let key = try PrivateKey(pem: bytes("\(live)/privkey.pem"))
    #expect(chain[0].matches(key), "\(label): the key in use is another one than the certificate's")
    #expect(chain.count == 2 && Certificate.isOrdered(chain), "\(label): the chain is incomplete")
    #expect(
      chain.last?.isIssued(by: lab.root) == true, "\(label): the chain does not lead to the root")
    #expect(chain[0].covers(CrashLab.name), "\(label): the certificate is for another name")
    #expect(
      try Certificate.chain(pem: bytes("\(live)/cert.pem")) == [chain[0]],
      "\(label): cert.pem is another certificate")
    #expect(
      try Certificate.chain(pem: bytes("\(live)/chain.pem")) == Array(chain.dropFirst()),
      "\(label): chain.pem is another chain")
    return chain[0]
  }

  /// The RSA leaf in use beside the other; nil when there is none.
  func expectRSAPairOrNone() throws -> Certificate? {
    let folder = "live/\(CrashLab.name)/rsa"
    guard TemporaryFolder(existing: "\(state)/live").contains("\(CrashLab.name)/rsa") else {
      return nil
    }
    let chain = try Certificate.chain(pem: bytes("\(folder)/fullchain.pem"))
    let key = try PrivateKey(pem: bytes("\(folder)/privkey.pem"))
    #expect(chain[0].matches(key) && key.type == .rsa2048, "\(label): no RSA pair")
    #expect(chain.count == 2 && Certificate.isOrdered(chain), "\(label): the RSA chain is broken")
    return chain[0]
  }

  /// `list` works and says what is in use, nothing damaged.
  func expectList(leaf: Certificate?) async throws {
    let result = try await certctl(["list", "--json"])
    #expect(result.exitCode == 0, "\(label): list failed: \(result)")
    let report = try #require(JSONValue(Array(result.standardOutput.utf8)), "\(label)")
    let lineages = report["certificates"].array
    #expect(lineages.count <= 1, "\(label): list shows \(result.standardOutput)")
    if let leaf {
      #expect(lineages.first?["state"] == "valid", "\(label): \(result.standardOutput)")
      // Of a candidate that waits for its deployment, `list` says which one is still in use.
      if lineages.first?["generationInUse"] == .null || lineages.first?["generationInUse"] == nil {
        #expect(
          lineages.first?["sha256"].string == hexadecimal(leaf.sha256Fingerprint), "\(label)")
      } else {
        #expect(
          lineages.first?["sha256"].string != hexadecimal(leaf.sha256Fingerprint), "\(label)")
      }
    } else {
      #expect(
        lineages.allSatisfy { $0["state"] == "missing" }, "\(label): \(result.standardOutput)")
    }
  }

  /// After a run that ended well nothing of earlier ones is left.
  func expectTidy() {
    let left = contents.filter { path in
      path.contains(".tmp-") || path.hasSuffix("/key-next.pem")
        || (path.hasPrefix("journal/") || path.hasPrefix("pending/"))
    }
    #expect(left.isEmpty, "\(label): left behind in the state directory")
    expectNothingPresented()
  }

  /// No challenge is visible in the webroot.
  func expectNothingPresented() {
    let folders = [".well-known", ".well-known/acme-challenge"]
    let files = TemporaryFolder(existing: lab.webroot).contents().filter { !folders.contains($0) }
    #expect(files.isEmpty, "\(label): left behind in the webroot")
  }

  /// There is one account here, the only one that the CA ever made, and it has its URL.
  func expectOneAccount() {
    #expect(accounts.count == 1, "\(label): accounts here")
    #expect(accounts.allSatisfy { $0["url"].string != nil }, "\(label): an account without URL")
    #expect(ledger().accounts <= 1, "\(label): accounts made at the CA")
  }

  /// The CA made these certificates in this case, in this order, and no other.
  func expectMadeOnce(_ leaves: Certificate...) {
    let serials = leaves.map { hexadecimal(Array($0.serialNumber.drop { $0 == 0 })) }
    #expect(ledger().serials == serials, "\(label): the CA made other certificates")
  }

  /// Where `live` points.
  var liveTarget: String? {
    TemporaryFolder(existing: state).linkTarget("live/\(CrashLab.name)")
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    Array(try #require(read(path), "\(label): \(path) is missing").utf8)
  }
}

/// The bytes as lower-case hexadecimal digits.
func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
