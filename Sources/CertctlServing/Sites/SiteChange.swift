import CertctlBase
import CertctlCore
package import CertctlStore
import CertctlSystem

/// A change of the files of a site: what it is for nginx.
package struct SiteChange: Sendable {
  package let deployment: NginxDeployment
  /// The nginx that serves the site.
  package let place: NginxInstallation
  /// The site's name.
  package let name: String
  /// What is to stand where.
  package let files: [FileChange]
  /// The certificate that nginx is to serve with them; none for a site without TLS, or without service.
  package var certificates: [NginxDeployment.Target] = []
  /// Looks whether nginx does what the files say, after it has loaded them.
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

  /// Makes the change; the caller holds the deployment lock.
  ///
  /// Nothing happens, and nginx is not reloaded, when all is as it is to be; it is proved all the same.
  ///
  /// - Throws: `CertctlError` with code `nginxRefused` when nothing was changed, `deploymentFailed`
  ///   when all was put back; `CancellationError`, and all was put back.
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
