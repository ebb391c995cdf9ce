import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore

/// What to do when nginx uses the certificate.
struct InUseOptions: ParsableArguments {
  @Flag(help: "Do it although nginx uses the certificate.") var force = false
  @Flag(help: "Let nginx serve a marked, self-signed placeholder instead.") var placeholder = false

  func validate() throws {
    if force && placeholder {
      throw ValidationError("--force and --placeholder exclude each other")
    }
  }

  var policy: InUsePolicy {
    placeholder ? .replaceByPlaceholder : force ? .ignore : .refuse
  }
}

/// `certctl revoke`: tells the CA that a certificate must not be trusted any more.
struct Revoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Revoke the certificate in use.",
    usage: "certctl revoke <name> [<options>]",
    discussion: """
      Examples:
        certctl revoke example.com --reason superseded
        certctl revoke example.com --reason keyCompromise --by-certificate-key

      The files stay; certctl issue gets a new certificate in the same place. A certificate that \
      nginx uses is not revoked: certctl rekey --compromised replaces it first.
      """)

  @Argument(help: "The certificate's name, as certctl list shows it.") var name: String

  @Option(
    help: ArgumentHelp(
      "unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or "
        + "privilegeWithdrawn.", valueName: "reason"))
  var reason = "unspecified"

  @Flag(
    name: .customLong("by-certificate-key"),
    help: "Sign with the certificate's key instead of the account's.")
  var byCertificateKey = false

  @OptionGroup var inUse: InUseOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  private static let reasons: [String: RevocationReason] = [
    "unspecified": .unspecified, "keyCompromise": .keyCompromise,
    "affiliationChanged": .affiliationChanged, "superseded": .superseded,
    "cessationOfOperation": .cessationOfOperation,
    "privilegeWithdrawn": RevocationReason(rawValue: 9),
  ]

  func validate() throws {
    guard Self.reasons[reason] != nil else {
      throw ValidationError(
        "'\(reason)' is no reason: --reason takes one of: "
          + Self.reasons.keys.sorted().joined(separator: ", "))
    }
  }

  func run() async throws {
    let reason = Self.reasons[reason] ?? .unspecified
    try await Bootstrap.run(global) { context, output in
      let lineage = try await context.run(
        RevokeOperation(
          try LineageName(name), reason: reason, byCertificateKey: byCertificateKey,
          inUse: inUse.policy))
      output.result(
        CertificateReport(certificate: lineage),
        text: "Revoked \(lineage.name), serial \(lineage.serial ?? "-")")
    }
  }
}

/// `certctl delete`: forgets a lineage.
struct Delete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Delete a certificate with all its generations and keys.",
    usage: "certctl delete <name> [<options>]",
    discussion: """
      Examples:
        certctl delete example.com
        certctl delete example.com --yes

      It does not revoke. A certificate that nginx uses is not deleted.
      """)

  @Argument(help: "The certificate's name, as certctl list shows it.") var name: String
  @Flag(name: .shortAndLong, help: "Do not ask on a terminal.") var yes = false
  @OptionGroup var inUse: InUseOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let lineage = try LineageName(name)
      if !yes && output.canAsk {
        _ = try await context.run(ShowOperation(lineage))
        guard await output.ask("Delete \(lineage) with all its versions and keys?") else {
          throw CertctlError(.refused, "deleted nothing")
        }
      }
      try await context.run(DeleteOperation(lineage, inUse: inUse.policy))
      output.result(DeleteReport(deleted: lineage.value), text: "Deleted \(lineage)")
    }
  }
}

private struct DeleteReport: Encodable {
  let version = 1
  let deleted: String
}

/// `certctl rollback`: back to an earlier generation.
struct Rollback: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put an earlier generation of a certificate back to use.",
    usage: "certctl rollback <name> [<options>]",
    discussion: """
      Examples:
        certctl rollback example.com
        certctl rollback example.com --to 3
      """)

  @Argument(help: "The certificate's name, as certctl list shows it.") var name: String
  @Option(
    help: ArgumentHelp(
      "The generation. Default: the one before the one in use.", valueName: "number"))
  var to: Int?
  @Flag(help: "Use it although it has expired or was revoked.") var force = false
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let lineage = try await context.run(
        RollbackOperation(try LineageName(name), to: to, force: force))
      output.result(
        CertificateReport(certificate: lineage),
        text: """
          \(lineage.name) uses version \(lineage.generation ?? 0) again
          \(lineage.outcome())
          """)
    }
  }
}
