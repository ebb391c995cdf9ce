import ACME
import FoundationEssentials
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// The settings table: every entry, including future ones, must work everywhere.
struct SettingsTableTests {
  /// Returns the TOML text of a setting, its value, and another valid value.
  static func samples(_ setting: SettingDefinition) -> (
    toml: String, value: SettingValue, other: SettingValue
  ) {
    let words = setting.type.words ?? []
    switch (setting.key, setting.form) {
    case ("challenge", _): return ("'dns-01'", .text("dns-01"), .text("tls-alpn-01"))
    case ("dns", _): return ("'cloudflare'", .text("cloudflare"), .text("desec"))
    case ("dns-resolver", _), ("http-address", _):
      return ("'192.0.2.1'", .text("192.0.2.1"), .text("192.0.2.2"))
    case ("ca", _): return ("['zerossl']", .texts(["zerossl"]), .texts(["google"]))
    case ("email", _):
      return ("'a@example.com'", .texts(["a@example.com"]), .texts(["b@example.com"]))
    case (_, .text), (_, .path): return ("'/srv/a'", .text("/srv/a"), .text("/srv/b"))
    case ("nginx-container", _): return ("['web']", .texts(["web"]), .texts(["proxy"]))
    case (_, .texts), (_, .paths): return ("['/srv/a']", .texts(["/srv/a"]), .texts(["/srv/b"]))
    case (_, .yes), (_, .yesOrNo): return ("true", .flag(true), .flag(false))
    case (_, .word): return ("'\(words[0])'", .text(words[0]), .text(words[1]))
    case (_, .number): return ("90", .number(90), .number(91))
    case (_, .table):
      return (
        "{ CLOUDFLARE_EMAIL = 'a@example.com' }",
        .table(["CLOUDFLARE_EMAIL": "value:a@example.com"]), .table([:])
      )
    }
  }

  static var keys: [String] { SettingsTable.all.map(\.key) }

  private func setting(_ key: String) throws -> SettingDefinition {
    try #require(SettingsTable.byKey[key])
  }

  private func configuration(_ toml: String) throws -> SettingsOverrides {
    try Configuration(toml: toml, path: "certctl.toml").settings
  }

  @Test func `every entry is listed and has unique names`() {
    #expect(SettingsTable.all.count == Mirror(reflecting: SettingsTable.shared).children.count)
    let options = SettingsTable.all.flatMap { [$0.key] + $0.aliases }
    #expect(Set(options).count == options.count)
    let kept = SettingsTable.all.compactMap(\.keptName)
    let others = ["names", "challenge", "rsaKeyType", "csr", "files"]
    #expect(Set(kept + others).count == kept.count + others.count)
    #expect(SettingSection.allCases.allSatisfy { !SettingsTable.all(in: $0).isEmpty })
    // The help prints section by section, so a section's entries must be adjacent.
    var sections = SettingsTable.all.map(\.section)
    sections = sections.enumerated().filter { $0 == 0 || sections[$0 - 1] != $1 }.map(\.element)
    #expect(Set(sections).count == sections.count)
  }

  @Test(arguments: keys)
  func `certctl.toml accepts the key and refuses a value of another type`(_ key: String) throws {
    let setting = try setting(key)
    let sample = Self.samples(setting)
    guard setting.isInFile else {
      #expect(throws: CertctlError.self) { try configuration("\(key) = \(sample.toml)") }
      return
    }
    #expect(try configuration("\(key) = \(sample.toml)")[setting] == sample.value)
    let error = #expect(throws: CertctlError.self) { try configuration("\(key) = 1979-05-27") }
    #expect(error?.message.contains("'\(key)' must be ") == true)
  }

  @Test(arguments: keys)
  func `the precedence is option, saved setting, file, default`(
    _ key: String
  ) throws {
    let setting = try setting(key)
    let sample = Self.samples(setting)
    var (given, file) = (SettingsOverrides(), SettingsOverrides())
    let start = LineageSettings(names: [.dns("example.com")], authorities: ["letsencrypt"])
    #expect(given.resolved(names: start.names, lineage: nil, defaults: file) == start)
    guard setting.isMergedAlone else {
      // SettingsTests covers combined settings. Settings that are not kept do not change a lineage.
      guard !setting.isKept else { return }
      given[setting] = sample.value
      #expect(given.resolved(names: start.names, lineage: nil, defaults: file) == start)
      return
    }
    file[setting] = sample.value
    let fromFile = given.resolved(names: start.names, lineage: nil, defaults: file)
    #expect(fromFile[setting] == sample.value)
    var saved = fromFile
    saved[setting] = sample.other
    #expect(given.resolved(names: start.names, lineage: saved, defaults: file) == saved)
    given[setting] = sample.value
    #expect(given.resolved(names: start.names, lineage: saved, defaults: file) == fromFile)
  }

  @Test(arguments: keys)
  func `a lineage file keeps the setting`(_ key: String) throws {
    let setting = try setting(key)
    var settings = LineageSettings(names: [.dns("example.com")], authorities: ["letsencrypt"])
    settings[setting] = Self.samples(setting).value
    let data = try StateCoding.encoder().encode(settings)
    let read = try StateCoding.decoder().decode(LineageSettings.self, from: data)
    #expect(read == settings)
    if let name = setting.keptName {
      #expect(read[setting] == Self.samples(setting).value)
      #expect(String(decoding: data, as: UTF8.self).contains("\"\(name)\" : "))
    }
  }

  @Test(arguments: keys)
  func `a changed value makes a new certificate due if the entry says so`(_ key: String) throws {
    let setting = try setting(key)
    guard setting.isMergedAlone else { return }
    let old = LineageSettings(names: [.dns("example.com")], authorities: ["letsencrypt"])
    var new = old
    let sample = Self.samples(setting)
    new[setting] = old[setting] == sample.value ? sample.other : sample.value
    #expect(new != old)
    #expect((new.change(since: old) != nil) == setting.affectsCertificate)
  }
}
