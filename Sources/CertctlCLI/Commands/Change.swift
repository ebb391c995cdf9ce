import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore

/// The options for a certificate that nginx uses.
struct InUseOptions: ParsableArguments {
  @Flag(help: "Proceed even if nginx uses the certificate.") var force = false
  @Flag(help: "Let nginx serve a self-signed placeholder instead.") var placeholder = false

  func validate() throws {
    if force && placeholder {
      throw ValidationError("--force and --placeholder cannot be combined")
    }
  }

  var policy: InUsePolicy {
    placeholder ? .replaceByPlaceholder : force ? .ignore : .refuse
  }
}

/// `certctl revoke`: revokes the current version of a certificate.
struct Revoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Revoke the current version of a certificate.",
    usage: "certctl revoke <name> [<options>]",
    discussion: """
      Examples:
        certctl revoke example.com --reason superseded
        certctl revoke example.com --reason keyCompromise --by-certificate-key

      The files stay; certctl issue gets a new certificate in the same place. Without --force or --placeholder, certctl does not revoke a certificate that nginx uses. To replace and revoke it in one step, run certctl rekey --compromised.
      """)

  @Argument(help: "Name of the certificate, as shown by certctl list.") var name: String

  @Option(
    help: ArgumentHelp(
      "Reason: unspecified, keyCompromise, affiliationChanged, superseded, "
        + "cessationOfOperation or privilegeWithdrawn.", valueName: "reason"))
  var reason = "unspecified"

  @Flag(
    name: .customLong("by-certificate-key"),
    help: "Sign with the key of the certificate instead of the account key.")
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
        "the value '\(reason)' is invalid for '--reason <reason>': use one of "
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

/// `certctl delete`: deletes a lineage.
struct Delete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Delete a certificate, all its versions and keys.",
    usage: "certctl delete <name> [<options>]",
    discussion: """
      Examples:
        certctl delete example.com
        certctl delete example.com --yes

      This does not revoke the certificate. Without --force or --placeholder, certctl does not delete a certificate that nginx uses.
      """)

  @Argument(help: "Name of the certificate, as shown by certctl list.") var name: String
  @Flag(name: .shortAndLong, help: "Do not ask for confirmation.") var yes = false
  @OptionGroup var inUse: InUseOptions
  @OptionGroup(title: "General") var global: GlobalOptions

  func run() async throws {
    try await Bootstrap.run(global) { context, output in
      let lineage = try LineageName(name)
      if !yes && output.canAsk {
        _ = try await context.run(ShowOperation(lineage))
        guard await output.ask("Delete \(lineage), all its versions and keys?") else {
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

/// `certctl rollback`: switches back to an earlier generation.
struct Rollback: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Switch back to an earlier version of a certificate.",
    usage: "certctl rollback <name> [<options>]",
    discussion: """
      Examples:
        certctl rollback example.com
        certctl rollback example.com --to 3
      """)

  @Argument(help: "Name of the certificate, as shown by certctl list.") var name: String
  @Option(
    help: ArgumentHelp(
      "Version to use. Default: the one before the current version.", valueName: "number"))
  var to: Int?
  @Flag(help: "Use the version even if it has expired or was revoked.") var force = false
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
