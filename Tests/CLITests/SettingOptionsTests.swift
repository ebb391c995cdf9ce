import ArgumentParser
import CertctlCore
import CertctlIssuing
import Testing

@testable import CertctlCLI

/// The options that are made from the settings table.
struct SettingOptionsTests {
  /// A command with the options of all sections, as `issue` has them.
  private struct Everything: ParsableCommand {
    @OptionGroup var authority: AuthorityListOptions
    @OptionGroup var registration: RegistrationOptions
    @OptionGroup var validation: ValidationOptions
    @OptionGroup var certificate: CertificateOptions
    @OptionGroup var deployment: DeploymentOptions
    @OptionGroup var renewal: RenewalOptions

    var given: SettingsOverrides {
      var given = SettingsOverrides()
      for part in [
        authority.given, registration.given, validation.given, certificate.given, deployment.given,
        renewal.given,
      ] {
        given.add(part)
      }
      return given
    }
  }

  private func given(_ arguments: [String]) throws -> SettingsOverrides {
    try Everything.parse(arguments).given
  }

  @Test(arguments: SettingsTable.all.filter(\.isOption).map(\.key))
  func `each setting has its option`(_ key: String) throws {
    let setting = try #require(SettingsTable.byKey[key])
    // Some go together with others.
    let others =
      ["eab-kid": ["--eab-hmac-key-file=f"], "eab-hmac-key-file": ["--eab-kid=k"]][key] ?? []
    for name in [setting.key] + setting.aliases {
      let (arguments, value) = Self.sample(setting, "--\(name)")
      #expect(try given(arguments + others)[setting] == value)
    }
    let help = Issue.helpMessage(columns: 500) + Renew.helpMessage(columns: 500)
    #expect(help.contains("  --\(key)"))
    #expect(help.contains(setting.helpText))
    #expect(try given([])[setting] == nil)
  }

  private static func sample(
    _ setting: SettingDefinition, _ option: String
  ) -> ([String], SettingValue) {
    switch setting.form {
    case .text, .path: ([option, "/x"], .text("/x"))
    case .texts: ([option, "x", option, "x"], .texts(["x", "x"]))
    case .paths: ([option, "/x", option, "/y", option, "/x"], .texts(["/x", "/y"]))
    case .word: ([option, setting.type.words?.last ?? ""], .text(setting.type.words?.last ?? ""))
    case .number: ([option, "7"], .number(7))
    case .yes, .yesOrNo: ([option], .flag(true))
    case .table: ([], .table([:]))
    }
  }

  @Test func `what can be turned off can be turned off, and the last word counts`() throws {
    #expect(try given(["--no-dual"]).dual == false)
    #expect(try given(["--dual", "--no-dual"]).dual == false)
    #expect(try given(["--no-dual", "--dual"]).dual == true)
    #expect(try given(["--no-hook"]).hooks == [])
  }

  @Test func `paths are made absolute`() throws {
    let options = try given(["--webroot", "www", "--hook", "tell", "--ca-bundle", "ca.pem"])
    #expect(options.webroot == absolutePath("www"))
    #expect(options.hooks == [absolutePath("tell")])
    #expect(options.caBundle?.hasPrefix("/") == true)
  }

  static let mistakes: [([String], String)] = [
    (["--http-port", "0"], "--http-port takes a port from 1 to 65535"),
    (["--dns-port", "70000"], "--dns-port takes a port from 1 to 65535"),
    (["--dns-timeout", "0"], "--dns-timeout takes 1 to 86400 seconds"),
    (["--keep-generations", "1001"], "--keep-generations takes a number from 1 to 1000"),
    (["--dns", ""], "--dns is empty"),
    (["--webroot", ""], "--webroot is empty"),
    (["--hook", ""], "--hook is empty: specify a program, or --no-hook for none"),
    (["--hook", "x", "--no-hook"], "--hook and --no-hook exclude each other"),
    (["--eab-kid", "x"], "--eab-kid and --eab-hmac-key-file go together"),
    (["--webroot", "x", "--http-port", "1"], "--webroot and a listener of certctl's own"),
    (["--key-type", "ed25519"], "The value 'ed25519' is invalid for '--key-type <type>'"),
    (["--key-type"], "Missing value for '--key-type <type>'"),
    (["--http-port", "x"], "The value 'x' is invalid for '--http-port <port>'"),
  ]

  @Test(arguments: mistakes)
  func `a mistake is named`(_ arguments: [String], _ message: String) {
    do {
      _ = try Everything.parse(arguments)
      Testing.Issue.record("it is no mistake")
    } catch {
      #expect(Everything.message(for: error).hasPrefix(message))
    }
  }
}
