import FoundationEssentials
import Glibc
package import Testing

/// A lookup of the programs that tests need.
package enum InstalledProgram {
  /// Returns the path of a program, or nil if it is not installed.
  ///
  /// Searches PATH, then the directories for servers, which are not in an ordinary user's PATH.
  package static func find(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init)
    return (folders + ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
      .map { "\($0)/\(name)" }
      .first { access($0, X_OK) == 0 }
  }

  /// Returns the names of the programs that are not installed.
  package static func missing(of names: [String]) -> [String] {
    names.filter { find($0) == nil }
  }

  /// Whether tests must not be skipped: `CI` is "true" or "1".
  package static var nothingMayBeSkipped: Bool {
    ["true", "1"].contains(ProcessInfo.processInfo.environment["CI"] ?? "")
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test if a program is missing; fails it if `CI=true`.
  ///
  /// Silently skipped tests would go unnoticed.
  package static func requires(
    _ programs: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) -> Self {
    .enabled(
      "needs \(programs.joined(separator: ", ")); scripts/install-deps installs what tests need",
      sourceLocation: sourceLocation
    ) {
      let missing = InstalledProgram.missing(of: programs)
      guard InstalledProgram.nothingMayBeSkipped, !missing.isEmpty else { return missing.isEmpty }
      throw HarnessError(
        "not installed: \(missing.joined(separator: ", ")); with CI=true no test may be skipped")
    }
  }

  /// Skips the test unless run as root; `why` says what requires root.
  package static func needsRoot(
    _ why: String, sourceLocation: SourceLocation = #_sourceLocation
  ) -> Self {
    .enabled("needs root: \(why)", sourceLocation: sourceLocation) { geteuid() == 0 }
  }
}
