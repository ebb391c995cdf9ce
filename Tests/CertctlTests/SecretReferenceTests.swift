import ACME
import CertctlBase
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations

/// References to secrets in the configuration.
@Disk struct SecretReferenceTests {
  @Test(arguments: ["", "key", "./key", "credential:", "credential:../x", "credential:a/b"])
  func `an invalid reference is refused with a hint`(_ text: String) {
    let error = #expect(throws: CertctlError.self) { try SecretReference(text) }
    #expect(error?.code == .configuration)
    #expect(error?.hint != nil)
  }

  @Test func `a secret in place of its reference is not printed`() {
    let error = #expect(throws: CertctlError.self) { try SecretReference("hunter2=") }
    #expect("\(error?.message ?? "")\(error?.hint ?? "")".contains("hunter2") == false)
    let toml = #expect(throws: CertctlError.self) {
      try Configuration(
        toml: "[dns-credentials]\nRFC2136_TSIG_SECRET = \"hunter2=\"", path: "/c.toml")
    }
    expectError(toml, mentions: "RFC2136_TSIG_SECRET")
    #expect("\(toml?.message ?? "")\(toml?.hint ?? "")".contains("hunter2") == false)
  }

  @Test func `a credential comes from the service, or else from the configuration directory`()
    async throws
  {
    try await withTemporaryFolder(label: "secrets") { folder in
      try folder.write("etc/secrets/key", " by hand\n")
      try folder.write("run/key", "by the service\n")
      let secret = try SecretReference("credential:key")
      let place = folder.path("etc")
      #expect(
        try secret.read(configDirectory: place, environment: [:], warn: { _ in }) == "by hand")
      let environment = ["CREDENTIALS_DIRECTORY": folder.path("run")]
      #expect(
        try secret.read(configDirectory: place, environment: environment, warn: { _ in })
          == "by the service")
      let file = try SecretReference(folder.path("run/key"))
      #expect(
        try file.read(configDirectory: place, environment: [:], warn: { _ in }) == "by the service")
      let error = #expect(throws: CertctlError.self) {
        try SecretReference("credential:other").read(
          configDirectory: place, environment: [:], warn: { _ in })
      }
      expectError(error, mentions: "secrets/other")
    }
  }

  @Test(arguments: [true, false])
  func `the configured external account is used only at a CA that requires one`(
    _ isNeeded: Bool
  ) async throws {
    try await withTemporaryFolder(label: "secrets") { folder in
      let key: [UInt8] = Array(repeating: 7, count: 32)
      try folder.write("etc/secrets/eab", Base64URL.encode(key))
      let bench = try ContextBench(
        folder,
        configuration: Configuration(
          toml: """
            eab-kid = "kid-1"
            eab-hmac-key-file = "credential:eab"
            """, path: "certctl.toml"))
      bench.ca.configure {
        $0.externalAccounts = ["kid-1": key]
        $0.requiresExternalAccount = isNeeded
      }
      _ = try await bench.context.issue(bench.request("a.test"))
      let account = try await bench.context.listAccounts().first
      #expect(account?.externalAccount == (isNeeded ? "kid-1" : nil))
    }
  }
}
