import CertctlBase
package import CertctlCore
package import CertctlCrypto
package import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// What came of making a server use a certificate.
package enum ServerAnswer: Sendable, Equatable {
  /// It serves it, as a handshake showed.
  case served
  /// It does not, for this reason.
  case failed(String)
}

/// Makes nginx serve certificates, and proves that it does.
package struct NginxDeployment: Sendable {
  package let state: StateDirectory
  package let environment: Environment
  /// The names of the containers in which an nginx is to be looked for, beside this host.
  package var containers: [String] = []
  /// Where copies of certificates are kept.
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

  /// A lineage, and the certificate that is to be served for it.
  package struct Target: Sendable {
    package let name: LineageName
    /// The leaf; two where there is an RSA certificate beside the ECDSA one.
    package let leaves: [Certificate]
    /// The generation, as long as `live` does not point to it.
    package var candidate: Generation?
    /// Whether there is another generation to go back to.
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

  /// What one nginx has to do with the targets.
  package struct Use: Sendable {
    let place: NginxInstallation
    /// The servers that serve a target, by lineage.
    package let servers: [LineageName: [NginxServer]]

    package var nginx: RunningNginx { place.nginx }
  }

  /// Which certificate a path of nginx's leads to.
  var paths: CertificatePaths { CertificatePaths(state: state, copies: copies) }

  /// A change of what nginx reads.
  func change(_ parts: [NginxChange.Part], at readers: [NginxChange.Reader]) -> NginxChange {
    NginxChange(
      state: state, environment: environment,
      trial: NginxDryRun(state: state, environment: environment, paths: paths), parts: parts,
      readers: readers)
  }

  /// Has nginx test the candidates, puts them in use, reloads once, and looks at each address.
  ///
  /// What is refused, or is not served in the end, is not in use afterwards: `live` points to what
  /// it pointed to before. An nginx that uses none of the targets is left alone, and so is one that
  /// this user may not ask. The caller holds the deployment lock.
  ///
  /// - Returns: What came of those that an nginx uses.
  /// - Throws: `CertctlError` when `live` cannot be changed; `CancellationError`.
  package func deploy(_ targets: [Target]) async throws -> [LineageName: ServerAnswer] {
    guard !targets.isEmpty else { return [:] }
    let survey = try await survey()
    let uses = await uses(of: targets, in: survey).filter { !$0.servers.isEmpty }
    var answers: [LineageName: ServerAnswer] = [:]
    var parts: [NginxChange.Part] = []
    for target in targets {
      // One whose files cannot be made, such as a copy without its key, holds up no other.
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
        // It is in use, but an nginx that could not be asked may go on with the one before.
        let unasked = await unasked(serving: target, in: survey)
        answers[target.name] = unasked.map { .failed($0.failure) }
      }
    }
    return answers
  }

  /// A target as a part of a change.
  private func part(_ target: Target) async throws -> NginxChange.Part {
    NginxChange.Part(
      name: target.name.value, files: try await fileChanges(target), certificates: [target],
      // Without another one to go back to, a refused certificate is better than none at all.
      canBeUndone: target.hasOther && target.candidate != nil)
  }

  /// An nginx as one that reads what it uses.
  private func reader(_ use: Use) -> NginxChange.Reader {
    let proof = CertificateProof(environment: environment)
    return NginxChange.Reader(
      place: use.place, parts: Set(use.servers.keys.map(\.value))
    ) { parts in
      let failures = try await proof.failures(of: parts.flatMap(\.certificates), by: use)
      return Dictionary(failures.map { ($0.key.value, $0.value) }) { $1 }
    }
  }

  /// What `live` is to point to, and the copies that go with it.
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
