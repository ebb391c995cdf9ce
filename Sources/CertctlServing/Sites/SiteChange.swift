import CertctlBase
import CertctlCore
package import CertctlStore
import CertctlSystem

/// A change of a site's files, with the nginx that it affects.
package struct SiteChange: Sendable {
  package let deployment: NginxDeployment
  /// The nginx that serves the site.
  package let place: NginxInstallation
  /// The site's name.
  package let name: String
  /// The target state of the files.
  package let files: [FileChange]
  /// The certificate that nginx must serve afterwards; empty for a site without TLS or a disabled
  /// site.
  package var certificates: [NginxDeployment.Target] = []
  /// Verifies that nginx behaves as the files say, after it loaded them.
  var prove: @Sendable () async throws -> Void = {}

  package init(
    deployment: NginxDeployment, place: NginxInstallation, name: String, files: [FileChange],
    certificates: [NginxDeployment.Target] = [],
    prove: @escaping @Sendable () async throws -> Void = {}
  ) {
    self.deployment = deployment
    self.place = place
    self.name = name
    self.files = files
    self.certificates = certificates
    self.prove = prove
  }

  /// Applies the change; the caller holds the deployment lock.
  ///
  /// If the files are already up to date, they are only verified and nginx is not reloaded.
  ///
  /// - Throws: `CertctlError` with code `nginxRefused` if nothing was changed, or
  ///   `deploymentFailed` if all files were restored; `CancellationError` after all files were
  ///   restored.
  package func run() async throws {
    let changes = try await FileChange.missing(of: files)
    guard !changes.isEmpty else { return try await prove() }
    let part = NginxChange.Part(
      name: name, files: changes, configuration: changes, certificates: certificates,
      canBeUndone: true)
    let reader = NginxChange.Reader(place: place, parts: [name]) { [prove] _ in
      try await prove()
      return [:]
    }
    let outcomes = try await deployment.change([part], at: [reader]).run()
    switch outcomes[name] {
    case .proved, nil: return
    case .refused(let error): throw error
    case .failed(let reason):
      throw NginxChange.error(afterUndoing: CertctlError(.deploymentFailed, reason))
    }
  }
}
