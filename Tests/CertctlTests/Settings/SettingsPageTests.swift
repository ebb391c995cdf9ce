import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing

/// The settings reference page, which is generated from the table.
struct SettingsPageTests {
  @Test func `the reference page matches the table`() throws {
    try expectSnapshot(SettingsPage.text, "/Documentation/Settings.md")
  }

  @Test func `the page lists every setting`() {
    for setting in SettingsTable.all {
      #expect(
        SettingsPage.text.contains("| `\(setting.isInFile ? setting.key : "--\(setting.key)")"))
      #expect(!setting.helpText.contains("|") && !setting.help.contains("\n"))
    }
  }
}

/// The generated text of the page.
enum SettingsPage {
  static let text = """
    # Settings

    Each setting of certctl: its key in certctl.toml, and its option.

    ## Overview

    <!-- Written from SettingsTable.swift by the test SettingsPageTests; do not edit it here. -->

    Precedence: command-line option, saved setting, configuration file, default. *Saved* settings are
    stored with the certificate and apply to its renewals, until an option changes them. A change marked
    *new certificate* makes the next `certctl issue` or `certctl renew` get one.

    `/etc/certctl/certctl.toml` holds `key = value` lines; an unknown key is an error. Its paths are
    absolute; an option takes relative ones, too. The options belong to `certctl issue` and
    `certctl site add`, unless noted otherwise.
    \(SettingSection.allCases.map(section).joined())
    """ + "\n"

  private static func section(_ section: SettingSection) -> String {
    let rows = SettingsTable.all(in: section).map(row)
    return """

      ## \(section.rawValue)

      | Key | Value | Option | Kept | Meaning |
      | --- | --- | --- | --- | --- |
      \(rows.joined(separator: "\n"))

      """
  }

  private static func row(_ setting: SettingDefinition) -> String {
    let kept =
      switch (setting.isKept, setting.affectsCertificate) {
      case (true, true): "saved; new certificate"
      case (true, false): "saved"
      case (false, _): ""
      }
    let cells = [
      setting.isInFile ? "`\(setting.key)`" : "", value(setting), options(setting), kept,
      setting.helpText,
    ]
    return "| " + cells.map { $0.isEmpty ? "-" : $0 }.joined(separator: " | ") + " |"
  }

  private static func options(_ setting: SettingDefinition) -> String {
    guard setting.isOption else { return "" }
    let names = [setting.key] + setting.aliases
    let value = setting.valueName ?? setting.key
    var options =
      switch setting.form {
      case .yes: ["--\(setting.key)"]
      case .yesOrNo: ["--\(setting.key)", "--no-\(setting.key)"]
      default: names.map { "--\($0) <\(value)>" }
      }
    if setting.noneHelp != nil { options.append("--no-\(setting.key)") }
    if setting.section == .renewal { options = options.map { "renew \($0)" } }
    return options.map { "`\($0)`" }.joined(separator: ", ")
  }

  private static func value(_ setting: SettingDefinition) -> String {
    switch setting.form {
    case .text: "text"
    case .path: "absolute path"
    case .texts: "text, or list of texts"
    case .paths: "absolute path, or list of them"
    case .yes, .yesOrNo: "`true` or `false`"
    case .word: (setting.type.words ?? []).map { "`\($0)`" }.joined(separator: ", ")
    case .number(let range, .port): "port, \(range.lowerBound) to \(range.upperBound)"
    case .number(let range, .number): "number, \(range.lowerBound) to \(range.upperBound)"
    case .number(let range, .seconds): "seconds, \(range.lowerBound) to \(range.upperBound)"
    case .table(let contents): "table of \(contents)"
    }
  }
}
