import FoundationEssentials
import Glibc
package import Testing

/// Which of the programs that tests need are on this machine.
package enum InstalledProgram {
  /// The path of a program, or nil when it is not there.
  ///
  /// Looks into PATH and then where Debian keeps servers, which are not in a user's PATH.
  package static func find(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init)
    return (folders + ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
      .map { "\($0)/\(name)" }
      .first { access($0, X_OK) == 0 }
  }

  /// Those of the names that are not on this machine.
  package static func missing(of names: [String]) -> [String] {
    names.filter { find($0) == nil }
  }

  /// Whether this is a run where nothing may be left out: `CI` is true.
  package static var nothingMayBeSkipped: Bool {
    ["true", "1"].contains(ProcessInfo.processInfo.environment["CI"] ?? "")
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test where a program is missing, but fails it when `CI=true`.
  ///
  /// A silent skip is how the best tests of a project end up not being run.
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

  /// Skips the test for an ordinary user; `why` says what only root can do.
  package static func needsRoot(
    _ why: String, sourceLocation: SourceLocation = #_sourceLocation
  ) -> Self {
    .enabled("needs root: \(why)", sourceLocation: sourceLocation) { geteuid() == 0 }
  }
}
