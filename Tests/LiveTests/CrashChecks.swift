import CertctlCrypto
import TestSupport
import Testing

/// Invariants of a state directory that no process is writing to.
extension CrashCase {
  /// The contents of the state directory, as relative paths.
  var contents: [String] { TemporaryFolder(existing: state).contents() }

  /// Returns the text of a file in the state directory, or nil if it does not exist.
  func read(_ path: String) -> String? { readText("\(state)/\(path)") }

  /// The parsed account files.
  var accounts: [JSONValue] {
    contents.filter { $0.hasPrefix("accounts/") && $0.hasSuffix("/account.json") }
      .compactMap { JSONValue(Array((read($0) ?? "").utf8)) }
  }

  /// Returns the leaf in use, or nil if there is none.
  ///
  /// A mix of two generations is a failure.
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

  /// Returns the additional RSA leaf in use, or nil if there is none.
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

  /// Expects `list` to succeed and to report the leaf in use, with nothing damaged.
  func expectList(leaf: Certificate?) async throws {
    let result = try await certctl(["list", "--json"])
    #expect(result.exitCode == 0, "\(label): list failed: \(result)")
    let report = try #require(JSONValue(Array(result.standardOutput.utf8)), "\(label)")
    let lineages = report["certificates"].array
    #expect(lineages.count <= 1, "\(label): list shows \(result.standardOutput)")
    if let leaf {
      #expect(lineages.first?["state"] == "valid", "\(label): \(result.standardOutput)")
      // While a candidate waits for deployment, `list` also reports the generation in use.
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

  /// Expects no leftovers of earlier runs after a successful run.
  func expectTidy() {
    let left = contents.filter { path in
      path.contains(".tmp-") || path.hasSuffix("/key-next.pem")
        || (path.hasPrefix("journal/") || path.hasPrefix("pending/"))
    }
    #expect(left.isEmpty, "\(label): left behind in the state directory")
    expectNothingPresented()
  }

  /// Expects no challenge file in the webroot.
  func expectNothingPresented() {
    let folders = [".well-known", ".well-known/acme-challenge"]
    let files = TemporaryFolder(existing: lab.webroot).contents().filter { !folders.contains($0) }
    #expect(files.isEmpty, "\(label): left behind in the webroot")
  }

  /// Expects one local account with a URL, and at most one account created at the CA.
  func expectOneAccount() {
    #expect(accounts.count == 1, "\(label): accounts here")
    #expect(accounts.allSatisfy { $0["url"].string != nil }, "\(label): an account without URL")
    #expect(ledger().accounts <= 1, "\(label): accounts made at the CA")
  }

  /// Expects the CA to have issued exactly these certificates in this case, in this order.
  func expectMadeOnce(_ leaves: Certificate...) {
    let serials = leaves.map { hexadecimal(Array($0.serialNumber.drop { $0 == 0 })) }
    #expect(ledger().serials == serials, "\(label): the CA made other certificates")
  }

  /// The target of the `live` link.
  var liveTarget: String? {
    TemporaryFolder(existing: state).linkTarget("live/\(CrashLab.name)")
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    Array(try #require(read(path), "\(label): \(path) is missing").utf8)
  }
}

/// Returns the bytes as lower-case hexadecimal digits.
func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
