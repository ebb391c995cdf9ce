import ACME
import CertctlCrypto
import FoundationEssentials

/// The state of a ``FakeCA``.
struct FakeCAState {
  struct Account {
    var url: String
    var key: PublicKey
    var status = "valid"
    var contacts: [String]
  }

  struct Challenge {
    var type: String
    var token: String
    var status = "pending"
    var error: Problem?
  }

  struct Authorization {
    var id: String
    var account: String
    var identifier: Identifier
    var isWildcard: Bool
    var status = "pending"
    var challenges: [Challenge]
    /// The validation result that polls have not seen yet.
    var verdict: (index: Int, problem: Problem?)?
    var looksLeft = 0

    var name: String { (isWildcard ? "*." : "") + identifier.value }

    /// Counts one poll, and publishes the verdict when no polls are left.
    mutating func look() {
      guard let verdict else { return }
      guard looksLeft == 0 else {
        looksLeft -= 1
        return
      }
      status = verdict.problem == nil ? "valid" : "invalid"
      challenges[verdict.index].status = status
      challenges[verdict.index].error = verdict.problem
      self.verdict = nil
    }
  }

  struct Order {
    var id: String
    var account: String
    var identifiers: [Identifier]
    var authorizations: [String]
    var profile: String?
    var replaces: String?
    var notBefore: Date?
    var notAfter: Date?
    var status = "pending"
    var error: Problem?
    var certificate: String?
    var looksLeft = 0
  }

  struct PlannedFault {
    var fault: Fault
    var kind: FakeCA.Kind
    var skip: Int
    var left: Int
  }

  var settings: FakeCA.Settings
  var seen: [FakeCA.Seen] = []
  var faults: [PlannedFault] = []
  var nonces: Set<String> = []
  var accounts: [String: Account] = [:]
  var orders: [String: Order] = [:]
  var authorizations: [String: Authorization] = [:]
  var certificates: [String: [[Certificate]]] = [:]
  var revoked: [[UInt8]: Int] = [:]
  var replaced: Set<String> = []
  private var counter = 0

  init(settings: FakeCA.Settings) { self.settings = settings }

  mutating func nextID() -> String {
    counter += 1
    return String(counter)
  }

  mutating func nonce() -> String {
    counter += 1
    let nonce = "nonce-" + String(counter)
    nonces.insert(nonce)
    return nonce
  }

  mutating func takeFault(_ kind: FakeCA.Kind) -> Fault? {
    guard let index = faults.firstIndex(where: { $0.kind == kind && $0.left > 0 }) else {
      return nil
    }
    if faults[index].skip > 0 {
      faults[index].skip -= 1
      return nil
    }
    faults[index].left -= 1
    return faults[index].fault
  }

  func account(with key: PublicKey) -> Account? {
    accounts.values.first { $0.key == key }
  }

  /// Counts one poll of an order and updates its state.
  mutating func look(at id: String) {
    guard var order = orders[id] else { return }
    if order.status == "pending" {
      for id in order.authorizations { authorizations[id]?.look() }
      let states = order.authorizations.compactMap { authorizations[$0]?.status }
      if states.allSatisfy({ $0 == "valid" }) { order.status = "ready" }
      if states.contains(where: { !["pending", "valid"].contains($0) }) {
        order.status = "invalid"
        let challenges = order.authorizations.flatMap { authorizations[$0]?.challenges ?? [] }
        order.error = challenges.lazy.compactMap(\.error).first
      }
    } else if order.status == "processing" {
      if order.looksLeft > 0 { order.looksLeft -= 1 } else { order.status = "valid" }
    }
    orders[id] = order
  }
}
