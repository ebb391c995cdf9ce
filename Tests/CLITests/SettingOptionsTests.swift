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

  static let mistakes: [[String]] = [
    ["--http-port", "0"], ["--dns-port", "70000"], ["--dns-timeout", "0"],
    ["--keep-generations", "1001"], ["--dns", ""], ["--webroot", ""], ["--hook", ""],
    ["--hook", "x", "--no-hook"], ["--eab-kid", "x"], ["--webroot", "x", "--http-port", "1"],
    ["--key-type", "ed25519"], ["--key-type"], ["--http-port", "x"],
  ]

  @Test(arguments: mistakes)
  func `a mistake is named`(_ arguments: [String]) {
    do {
      _ = try Everything.parse(arguments)
      Testing.Issue.record("\(arguments) is no mistake")
    } catch {
      // The words are those of `Fixtures/cli/errors.txt`.
      #expect(Everything.message(for: error).contains(arguments[0]))
    }
  }
}
