import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The search for the nginx of a site.
struct SitePlaces: ContextPart {
  let context: Context

  /// Returns the nginx for a site.
  ///
  /// - Parameters:
  ///   - folder: The directory of its main file on this host; nil for the only nginx, or that of
  ///     `/etc/nginx`.
  ///   - container: The container that it runs in; nil for this host.
  ///   - request: The request, for checking the mounts of the container.
  /// - Returns: The nginx, whose current configuration is valid.
  /// - Throws: `CertctlError` with code `notFound` if none runs, `configuration` if the container
  ///   is unusable, `nginxRefused` if nginx rejects its current configuration.
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
        .nginxRefused, "nginx rejects its current configuration: \(complaint)",
        hint: "fix the configuration, then run the same command again")
    }
    return place
  }

  /// Checks the mounts of a container, before anything is written.
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

  /// Checks that the files of a site exist, because nginx notices only when it serves a request.
  func checkFiles(of site: Site, at place: NginxInstallation) async throws {
    for path in site.files where await Self.isMissing(path, at: place) {
      throw CertctlError(
        .usage, "cannot add the site \(site.name): \(path) does not exist",
        hint: place.nginx.container == nil
          ? "create it first, readable by nginx's workers"
          : "use the path inside the container, below one of its mounts")
    }
  }

  @Disk private static func isMissing(_ path: String, at place: NginxInstallation) -> Bool {
    // Files of the container's image cannot be checked from the host.
    guard let file = place.nginx.hostPath(path) else { return false }
    return !FileManager.default.fileExists(atPath: file)
  }

  private func hostPlace(_ folder: String?) async throws -> NginxInstallation {
    let survey = try await NginxDeployment(state: state, environment: environment).survey()
    let places = survey.places
    if places.isEmpty, let unasked = survey.unasked.first {
      throw CertctlError(
        .configuration, "cannot use the nginx of this host: \(unasked.title): \(unasked.reason)",
        hint: unasked.hint)
    }
    let start =
      (SystemAccount.isRoot ? "" : "run certctl with sudo, or ")
      + "start nginx (systemctl start nginx), or use --nginx-container NAME"
    guard !places.isEmpty else {
      throw CertctlError(
        .notFound, "no nginx runs on this host that this user can control", hint: start)
    }
    if let folder {
      let wanted = folder.resolvingLinks
      if let found = places.first(where: { $0.hostFolder.resolvingLinks == wanted }) {
        return found
      }
      let there = places.map(\.hostFolder).joined(separator: ", ")
      throw CertctlError(
        .notFound, "no nginx runs on this host with its configuration in \(folder)",
        hint: "start it (systemctl start nginx), or use --nginx-dir with one of: \(there)")
    }
    let usual = places.first { $0.hostFolder == "/etc/nginx" }
    if let found = usual ?? (places.count == 1 ? places[0] : nil) { return found }
    throw CertctlError(
      .usage, "more than one nginx runs on this host",
      hint: "use --nginx-dir "
        + places.map(\.hostFolder).joined(separator: ", or --nginx-dir "))
  }
}
