import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The nginx that sites are for.
struct SitePlaces: ContextPart {
  let context: Context

  /// The nginx that a site is for.
  ///
  /// - Parameters:
  ///   - folder: The folder of its main file, as this host sees it; nil for the only one, or for
  ///     that of `/etc/nginx`.
  ///   - container: The container that it runs in; nil for this host.
  ///   - request: What is asked of it, for which its mounts are looked at.
  /// - Returns: The nginx, whose configuration it accepts.
  /// - Throws: `CertctlError` with code `notFound` when none runs, `configuration` when the
  ///   container cannot be worked with, `nginxRefused` when nginx refuses what it has already.
  func nginxPlace(
    folder: String?, container: String?, for request: SiteRequest? = nil
  ) async throws -> NginxInstallation {
    let place: NginxInstallation
    if let container {
      let nginx = try await RunningNginx.inContainer(container, runner: environment.runner)
      if let request { try await check(nginx, request) }
      place = try await NginxDeployment(state: state, environment: environment).place(of: nginx)
    } else {
      place = try await hostPlace(folder)
    }
    if let complaint = place.complaint {
      throw CertctlError(
        .nginxRefused, "nginx refuses the configuration that it has: \(complaint)",
        hint: "put that right first; certctl changed nothing")
    }
    return place
  }

  /// Looks at the mounts of a container, before anything is written.
  private func check(_ nginx: RunningNginx, _ request: SiteRequest) async throws {
    let lineage = try LineageName(request.site.certificate)
    let known = try await lineages.lineage(lineage)
    let isThere = try await certificates.liveGeneration(lineage) != nil
    let warnings = try await nginx.checkMounts(
      stateDirectory: state.path, copy: request.copy, lineages: isThere ? [lineage.value] : [],
      keys: try FileSettings(
        owner: request.overrides.owner ?? known?.settings.files.owner,
        group: request.overrides.group ?? known?.settings.files.group,
        keyMode: request.overrides.keyMode ?? known?.settings.files.keyMode
      ).keyAttributes())
    for warning in warnings { console.warn(warning) }
  }

  /// Looks whether what a site is made of is there: nginx finds out only when somebody asks for it.
  func checkFiles(of site: Site, at place: NginxInstallation) async throws {
    for path in site.files where await Self.isMissing(path, at: place) {
      throw CertctlError(
        .usage, "there is no \(path) for the site \(site.name)",
        hint: place.nginx.container == nil
          ? "make it first, readable for nginx's workers"
          : "give the path as the container sees it, below one of its mounts")
    }
  }

  @Disk private static func isMissing(_ path: String, at place: NginxInstallation) -> Bool {
    // What a container has of its own cannot be looked at from here.
    guard let file = place.nginx.hostPath(path) else { return false }
    return !FileManager.default.fileExists(atPath: file)
  }

  private func hostPlace(_ folder: String?) async throws -> NginxInstallation {
    let survey = try await NginxDeployment(state: state, environment: environment).survey()
    let places = survey.places
    if places.isEmpty, let unasked = survey.unasked.first {
      throw CertctlError(
        .configuration, "the nginx of this host was not asked: \(unasked.title): \(unasked.reason)",
        hint: unasked.hint)
    }
    let start =
      (SystemAccount.isRoot ? "" : "run certctl as root, with sudo; or ")
      + "start it (systemctl start nginx), or name the container that it runs in: "
      + "--nginx-container NAME"
    guard !places.isEmpty else {
      throw CertctlError(
        .notFound, "no nginx runs on this host that this user may ask", hint: start)
    }
    if let folder {
      let wanted = folder.resolvingLinks
      if let found = places.first(where: { $0.hostFolder.resolvingLinks == wanted }) {
        return found
      }
      let there = places.map(\.hostFolder).joined(separator: ", ")
      throw CertctlError(
        .notFound, "no nginx runs on this host with its configuration in \(folder)",
        hint: "those that run have: \(there); " + start)
    }
    let usual = places.first { $0.hostFolder == "/etc/nginx" }
    if let found = usual ?? (places.count == 1 ? places[0] : nil) { return found }
    throw CertctlError(
      .usage, "more than one nginx runs on this host",
      hint: "choose one: --nginx-dir "
        + places.map(\.hostFolder).joined(separator: ", or --nginx-dir "))
  }
}
