import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlOperations

/// `certctl account`: manages accounts with CAs.
struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract: "Manage accounts with CAs.",
    usage: "certctl account <command> [<options>]",
    discussion: """
      Examples:
        certctl account register --agree-tos --email admin@example.com
        certctl account show
        certctl account rollover

      certctl issue registers an account automatically; use these commands to manage it.
      """,
    subcommands: [
      AccountRegister.self, AccountShow.self, AccountUpdate.self, AccountRollover.self,
      AccountDeactivate.self,
    ])
}

/// A key type of an account.
enum AccountKeyType: String, ExpressibleByArgument, CaseIterable {
  case ec256, ec384, rsa2048, rsa3072, rsa4096, ed25519

  var keyType: KeyType { KeyType(rawValue: rawValue) ?? .ec256 }
}

extension AuthorityOptions {
  var authority: String { ca ?? "letsencrypt" }
  var bundle: String? { caBundle.map(absolutePath) }
}

/// `certctl account register`.
struct AccountRegister: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "register",
    abstract: "Register an account with a CA, or find the existing one.",
    usage: "certctl account register [<options>]",
    discussion: """
      Examples:
        certctl account register --agree-tos
        certctl account register --ca zerossl --eab-kid ID --eab-hmac-key-file FILE
      """)

  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "Account") var registration: RegistrationOptions
  @Option(
    name: .customLong("key-type"),
    help: ArgumentHelp("Key type of a new account.", valueName: "type"))
  var keyType = AccountKeyType.ec256
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let account = try await context.run(
        RegisterAccountOperation(
          authority: authority.authority, caBundle: authority.bundle,
          registration: try registration.registration(output), keyType: keyType.keyType))
      output.result(SingleAccount(account: account), text: account.text)
    }
  }
}

/// `certctl account show`.
struct AccountShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the account as the CA reports it.",
    usage: "certctl account show [<options>]",
    discussion: """
      Examples:
        certctl account show
        certctl account show --all
      """)

  @Flag(help: "Show all local accounts without contacting a CA.") var all = false
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      if all {
        let accounts = try await context.run(ListAccountsOperation())
        output.result(
          AllAccounts(accounts: accounts),
          text: accounts.isEmpty
            ? "No accounts. To register one, run: certctl account register"
            : accounts.map(\.text).joined(separator: "\n\n"))
      } else {
        let account = try await context.run(
          ShowAccountOperation(
            authority: authority.authority, caBundle: authority.bundle))
        output.result(SingleAccount(account: account), text: account.text)
      }
    }
  }
}

/// `certctl account update`.
struct AccountUpdate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Replace the contacts of the account.",
    usage: "certctl account update [<options>]",
    discussion: """
      Examples:
        certctl account update --email admin@example.com
        certctl account update --no-email
      """)

  @Option(help: ArgumentHelp("Contact address; may be repeated.", valueName: "address"))
  var email: [String] = []
  @Flag(name: .customLong("no-email"), help: "Remove all contacts.") var noEmail = false
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func validate() throws {
    if email.isEmpty != noEmail {
      throw ValidationError("--email or --no-email is required")
    }
  }

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let account = try await context.run(
        UpdateAccountOperation(
          authority: authority.authority, caBundle: authority.bundle, emails: email))
      output.result(SingleAccount(account: account), text: account.text)
    }
  }
}

/// `certctl account rollover`.
struct AccountRollover: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollover", abstract: "Replace the account key.",
    usage: "certctl account rollover [<options>]",
    discussion: """
      Examples:
        certctl account rollover
        certctl account rollover --key-type ec384

      If a rollover is interrupted, the next command that uses the account completes it.
      """)

  @Option(
    name: .customLong("key-type"), help: ArgumentHelp("Type of the new key.", valueName: "type"))
  var keyType = AccountKeyType.ec256
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let account = try await context.run(
        RollOverAccountOperation(
          authority: authority.authority, caBundle: authority.bundle, keyType: keyType.keyType))
      output.result(SingleAccount(account: account), text: account.text)
    }
  }
}

/// `certctl account deactivate`.
struct AccountDeactivate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deactivate", abstract: "Deactivate the account permanently.",
    usage: "certctl account deactivate [<options>]",
    discussion: """
      Examples:
        certctl account deactivate
        certctl account deactivate --local

      This cannot be undone. Certificates stay valid. The next certctl issue registers a new \
      account.
      """)

  @Flag(help: "Remove the account only from this host, for example if the CA no longer has it.")
  var local = false
  @Flag(name: .shortAndLong, help: "Do not ask for confirmation.") var yes = false
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      if !yes && output.canAsk {
        guard await output.ask("Deactivate the account with \(authority.authority) permanently?")
        else {
          throw CertctlError(.refused, "deactivated nothing")
        }
      }
      let account = try await context.run(
        DeactivateAccountOperation(
          authority: authority.authority, caBundle: authority.bundle, locally: local))
      output.result(SingleAccount(account: account), text: account.text)
    }
  }
}

private struct SingleAccount: Encodable {
  let version = 1
  let account: AccountReport
}

private struct AllAccounts: Encodable {
  let version = 1
  let accounts: [AccountReport]
}

extension AccountReport {
  /// The account as text, one fact per line.
  var text: TerminalText {
    Facts([
      ("CA", directory), ("status", status), ("URL", url),
      ("contacts", contacts.isEmpty ? "none" : contacts.joined(separator: ", ")),
      ("key type", keyType), ("thumbprint", thumbprint), ("EAB key ID", externalAccount),
      ("registered", created.forPeople), ("local ID", id),
    ]).text()
  }
}
