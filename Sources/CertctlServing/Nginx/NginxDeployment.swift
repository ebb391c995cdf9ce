import CertctlBase
package import CertctlCore
package import CertctlCrypto
package import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// The result of deploying a certificate to a server.
package enum ServerAnswer: Sendable, Equatable {
  /// The server serves it, as a TLS handshake verified.
  case served
  /// The server does not serve it, for this reason.
  case failed(String)
}

/// Makes nginx serve certificates and verifies it.
package struct NginxDeployment: Sendable {
  package let state: StateDirectory
  package let environment: Environment
  /// The containers in which to look for nginx, in addition to this host.
  package var containers: [String] = []
  /// The directories of certificate copies.
  package var copies: [CertificateCopy] = []

  package init(
    state: StateDirectory, environment: Environment, containers: [String] = [],
    copies: [CertificateCopy] = []
  ) {
    self.state = state
    self.environment = environment
    self.containers = containers
    self.copies = copies
  }

  /// A lineage and the certificate to serve for it.
  package struct Target: Sendable {
    package let name: LineageName
    /// The leaf certificate; two if there is an RSA certificate as well.
    package let leaves: [Certificate]
    /// The generation to deploy; nil once `live` points to it.
    package var candidate: Generation?
    /// Whether there is another generation to fall back to.
    package var hasOther = false

    package init(
      name: LineageName, leaves: [Certificate], candidate: Generation? = nil, hasOther: Bool = false
    ) {
      self.name = name
      self.leaves = leaves
      self.candidate = candidate
      self.hasOther = hasOther
    }
  }

  /// An nginx and the targets that it uses.
  package struct Use: Sendable {
    let place: NginxInstallation
    /// The servers of each target.
    package let servers: [LineageName: [NginxServer]]

    package var nginx: RunningNginx { place.nginx }
  }

  /// Maps the paths of nginx to certificates.
  var paths: CertificatePaths { CertificatePaths(state: state, copies: copies) }

  /// Returns a change of what nginx reads.
  func change(_ parts: [NginxChange.Part], at readers: [NginxChange.Reader]) -> NginxChange {
    NginxChange(
      state: state, environment: environment,
      trial: NginxDryRun(state: state, environment: environment, paths: paths), parts: parts,
      readers: readers)
  }

  /// Tests the candidates with nginx, installs them, reloads once and verifies each address.
  ///
  /// For a target that is refused or not served, `live` is restored. An nginx that uses none of the
  /// targets is ignored, and so is one that this user may not use. The caller holds the deployment
  /// lock.
  ///
  /// - Returns: The results of the targets that an nginx uses.
  /// - Throws: `CertctlError` if `live` cannot be changed; `CancellationError`.
  package func deploy(_ targets: [Target]) async throws -> [LineageName: ServerAnswer] {
    guard !targets.isEmpty else { return [:] }
    let survey = try await survey()
    let uses = await uses(of: targets, in: survey).filter { !$0.servers.isEmpty }
    var answers: [LineageName: ServerAnswer] = [:]
    var parts: [NginxChange.Part] = []
    for target in targets {
      // A target whose files cannot be created, such as a copy without its key, does not block
      // others.
      switch try await attempt({ try await part(target) }) {
      case .success(let part): parts.append(part)
      case .failure(let error) where targets.count > 1:
        answers[target.name] = .failed(error.message)
      case .failure(let error): throw error
      }
    }
    let outcomes = try await change(parts, at: uses.map(reader)).run()
    for target in targets where answers[target.name] == nil {
      switch outcomes[target.name.value] {
      case .proved: answers[target.name] = .served
      case .refused(let error): answers[target.name] = .failed(error.message)
      case .failed(let reason): answers[target.name] = .failed(reason)
      case nil:
        // It is installed, but an nginx that cannot be queried may still serve the previous one.
        let unasked = await unasked(serving: target, in: survey)
        answers[target.name] = unasked.map { .failed($0.failure) }
      }
    }
    return answers
  }

  /// Returns a target as a part of a change.
  private func part(_ target: Target) async throws -> NginxChange.Part {
    NginxChange.Part(
      name: target.name.value, files: try await fileChanges(target), certificates: [target],
      // Without a previous certificate, even a refused one is better than none.
      canBeUndone: target.hasOther && target.candidate != nil)
  }

  /// Returns an nginx as a reader of the targets that it uses.
  private func reader(_ use: Use) -> NginxChange.Reader {
    let proof = CertificateProof(environment: environment)
    return NginxChange.Reader(
      place: use.place, parts: Set(use.servers.keys.map(\.value))
    ) { parts in
      let failures = try await proof.failures(of: parts.flatMap(\.certificates), by: use)
      return Dictionary(failures.map { ($0.key.value, $0.value) }) { $1 }
    }
  }

  /// Returns the new target of `live` and the changes of the copies.
  private func fileChanges(_ target: Target) async throws -> [FileChange] {
    guard let generation = target.candidate else { return [] }
    let link = FileChange(
      "\(state.live.path)/\(target.name)",
      .link("../archive/\(target.name)/\(generation.folderName)"))
    let here = await copies(of: target.name)
    guard !here.isEmpty else { return [link] }
    let certificate = try await CertificateStore(state: state).load(generation, of: target.name)
    let files = try await LineageStore(state: state).lineage(target.name)?.settings.files
    var changes: [FileChange] = []
    for copy in here {
      changes += try await copy.changes(for: target.name, certificate, files ?? FileSettings())
    }
    return changes + [link]
  }

  @Disk private func copies(of name: LineageName) -> [CertificateCopy] {
    copies.filter { $0.has(name) }
  }
}
