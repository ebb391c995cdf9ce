// swift-tools-version:6.2
import PackageDescription

/// Settings of every target that we own.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

/// Settings of the targets that touch C: every unsafe expression is marked.
let strictMemory = strict + [.strictMemorySafety()]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
// Its paths and descriptors are part of Subprocess's interface.
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOHTTP1"].map {
  .product(name: $0, package: "swift-nio")
}

/// The targets that know nothing of lineages, in the order of their layers.
let lower: [Target.Dependency] = [
  "CertctlBase", "CertctlCrypto", "CertctlSystem", "ACME", "CertctlDNSClient", "CertctlHTTP",
]
/// The targets above them, in the order of their layers; Issuing and Serving never see each other.
let middle: [Target.Dependency] = [
  "CertctlCore", "CertctlStore", "CertctlDNS", "CertctlIssuing", "CertctlServing",
  "CertctlOperations",
]

let package = Package(
  name: "certctl",
  products: [
    // With the modules whose types its interface shows: keys, and the role of an HTTP client.
    .library(name: "ACME", targets: ["ACME", "CertctlCrypto", "CertctlBase"]),
    // That role, played by libcurl.
    .library(name: "CertctlHTTP", targets: ["CertctlHTTP"]),
    .executable(name: "certctl", targets: ["CertctlCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    // Without its Foundation trait: Foundation costs 44 MB.
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    // No pkgConfig, hence no "-lcurl": the library and the 31 that it needs are loaded at the first
    // use, so that commands without network never pay for them. The header says what to install.
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CLDNS", providers: [.apt(["libldns-dev"])]),
    // As with curl: loaded for the few answers in XML.
    .systemLibrary(name: "CExpat", providers: [.apt(["libexpat1-dev"])]),
    // As with curl, and with declarations of their own instead of the libraries' headers.
    .systemLibrary(name: "CIDN2"),
    .systemLibrary(name: "CPSL"),
    // Calls of the kernel that Swift's Glibc does not show.
    .systemLibrary(name: "CLinux"),
    // What the library ACME needs besides keys: no network, no files, no packages.
    .target(name: "CertctlBase", dependencies: ["CIDN2"], swiftSettings: strictMemory),
    .target(
      name: "CertctlCrypto", dependencies: ["CertctlBase", "COpenSSL"], swiftSettings: strictMemory),
    .target(
      name: "CertctlSystem",
      dependencies: ["CertctlBase", "CExpat", "CLinux", "CPSL", logging, subprocess, system] + nio,
      swiftSettings: strictMemory),
    .target(
      name: "CertctlHTTP", dependencies: ["CertctlBase", "CertctlSystem", "CCurl"],
      swiftSettings: strictMemory),
    .target(
      name: "CertctlDNSClient", dependencies: ["CertctlBase", "CLDNS"] + nio,
      swiftSettings: strictMemory),
    .target(
      name: "ACME", dependencies: ["CertctlBase", "CertctlCrypto", logging], swiftSettings: strict),
    // The words that all above share: settings, errors, the outer world.
    .target(name: "CertctlCore", dependencies: lower + [logging], swiftSettings: strict),
    .target(
      name: "CertctlStore", dependencies: ["CertctlCore"] + lower + [logging],
      swiftSettings: strict),
    .target(
      name: "CertctlDNS", dependencies: ["CertctlCore", "CertctlStore"] + lower + [logging],
      // In the code: a file beside the binary could be missing, or be changed by somebody.
      resources: [.embedInCode("ExternalTools/acme-shim.sh")], swiftSettings: strict),
    .target(
      name: "CertctlIssuing",
      dependencies: ["CertctlCore", "CertctlStore", "CertctlDNS"] + lower + [logging],
      swiftSettings: strict),
    .target(
      name: "CertctlServing", dependencies: ["CertctlCore", "CertctlStore"] + lower + [logging],
      swiftSettings: strict),
    .target(
      name: "CertctlOperations",
      dependencies: [
        "CertctlCore", "CertctlStore", "CertctlDNS", "CertctlIssuing", "CertctlServing",
      ] + lower + [logging, toml],
      swiftSettings: strict),
    .executableTarget(
      name: "CertctlCLI",
      dependencies: middle + lower + [argumentParser, logging],
      swiftSettings: strict),
    .target(
      name: "TestSupport",
      dependencies: middle + lower + [logging, subprocess] + nio,
      path: "Tests/TestSupport", swiftSettings: strict),
    // Not in Benchmarks: it proves, and a small run of it is one of the tests.
    .executableTarget(
      name: "RenewalSimulation", dependencies: ["CertctlIssuing", "CertctlStore", "ACME"],
      path: "Tests/RenewalSimulation", swiftSettings: strict),
    .testTarget(
      name: "CertctlBaseTests", dependencies: ["CertctlBase"], swiftSettings: strict),
    .testTarget(
      name: "CertctlCryptoTests", dependencies: ["CertctlCrypto", subprocess], swiftSettings: strict
    ),
    .testTarget(
      name: "CertctlSystemTests",
      dependencies: [
        "CertctlBase", "CertctlDNSClient", "CertctlHTTP", "CertctlSystem", "CertctlCrypto",
        "TestSupport",
        subprocess,
      ] + nio,
      swiftSettings: strict),
    .testTarget(
      name: "ACMETests", dependencies: ["TestSupport"] + lower + [logging], swiftSettings: strict),
    .testTarget(
      name: "CertctlTests",
      dependencies: ["RenewalSimulation", "TestSupport"] + middle + lower + [logging],
      swiftSettings: strict),
    .testTarget(
      name: "CLITests", dependencies: ["CertctlCLI", "TestSupport"] + middle + lower + [logging],
      swiftSettings: strict),
    .testTarget(
      name: "LiveTests", dependencies: ["CertctlCLI", "TestSupport"] + middle + lower,
      swiftSettings: strict),
  ])
