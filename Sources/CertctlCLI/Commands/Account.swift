import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlOperations

/// `certctl account`: the accounts with CAs.
struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract: "Register, show, update, re-key or deactivate an account with a CA.",
    usage: "certctl account <command> [<options>]",
    discussion: """
      Examples:
        certctl account register --agree-tos --email admin@example.com
        certctl account show
        certctl account rollover

      An account is made by the first certctl issue; these commands are for the rest.
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
    abstract: "Make an account with a CA, or take up the one that is here.",
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
    help: ArgumentHelp("The type of a new account's key.", valueName: "type"))
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
    commandName: "show", abstract: "Show the account as the CA knows it.",
    usage: "certctl account show [<options>]",
    discussion: """
      Examples:
        certctl account show
        certctl account show --all
      """)

  @Flag(help: "Show all accounts on this machine, without asking any CA.") var all = false
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      if all {
        let accounts = try await context.run(ListAccountsOperation())
        output.result(
          AllAccounts(accounts: accounts),
          text: accounts.isEmpty
            ? "No accounts yet. To register one, run: certctl account register"
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
    commandName: "update", abstract: "Replace the account's contacts.",
    usage: "certctl account update [<options>]",
    discussion: """
      Examples:
        certctl account update --email admin@example.com
        certctl account update --no-email
      """)

  @Option(help: ArgumentHelp("A contact; may be repeated.", valueName: "address"))
  var email: [String] = []
  @Flag(name: .customLong("no-email"), help: "Remove all contacts.") var noEmail = false
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func validate() throws {
    if email.isEmpty != noEmail {
      throw ValidationError("give --email, or --no-email to have none")
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
    commandName: "rollover", abstract: "Give the account a new key.",
    usage: "certctl account rollover [<options>]",
    discussion: """
      Examples:
        certctl account rollover
        certctl account rollover --key-type ec384

      A rollover that is cut short is settled by the next command that uses the account.
      """)

  @Option(
    name: .customLong("key-type"), help: ArgumentHelp("The new key's type.", valueName: "type"))
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
    commandName: "deactivate", abstract: "Deactivate the account for good.",
    usage: "certctl account deactivate [<options>]",
    discussion: """
      Examples:
        certctl account deactivate
        certctl account deactivate --local

      It cannot be undone. Certificates stay valid; the next certctl issue makes a new account.
      """)

  @Flag(help: "Only forget it here: the CA no longer knows it.") var local = false
  @Flag(name: .shortAndLong, help: "Do not ask on a terminal.") var yes = false
  @OptionGroup(title: "Certificate authority") var authority: AuthorityOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      if !yes && output.canAsk {
        guard await output.ask("Deactivate the account with \(authority.authority) for good?")
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
  /// The account for a person, one fact a line.
  var text: TerminalText {
    Facts([
      ("CA", directory), ("status", status), ("URL", url),
      ("contacts", contacts.isEmpty ? "none" : contacts.joined(separator: ", ")),
      ("key type", keyType), ("thumbprint", thumbprint), ("EAB key ID", externalAccount),
      ("registered", created.forPeople), ("local ID", id),
    ]).text()
  }
}
