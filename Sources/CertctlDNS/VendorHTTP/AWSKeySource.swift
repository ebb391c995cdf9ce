import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// Where keys come from: the settings, or the role of this machine or container; and, where another
/// role is to be taken on, that role's.
actor AWSKeySource {
  /// A role to take on.
  struct Role: Sendable {
    /// Its Amazon resource name.
    let name: String
    /// What the role's owner wants to be told, if anything.
    let externalID: String?
    /// The service that gives out its keys, and the region that signs the request for them.
    let service: VendorAPI
    let region: String
  }

  /// How long the keys of a role are used before they are asked for again, in seconds: AWS has new
  /// ones five minutes before the old ones end.
  private static let holding = 240.0

  private let fixed: AWSKeys?
  private let role: Role?
  private let machine: VendorAPI
  private let container: VendorAPI?
  private var held: (keys: AWSKeys, end: Date)?

  /// A source.
  ///
  /// - Parameters:
  ///   - fixed: The keys, where they are known.
  ///   - role: The role to take on by them.
  ///   - machine: The machine's metadata service, which gives out its role's keys.
  ///   - container: Where a container gets its role's keys; nil outside of one.
  init(_ fixed: AWSKeys?, role: Role?, machine: VendorAPI, container: VendorAPI?) {
    self.fixed = fixed
    self.role = role
    self.machine = machine
    self.container = container
  }

  /// The keys at this moment.
  ///
  /// - Throws: `CertctlError` where there is no role, or it may not be taken on.
  func keys() async throws -> AWSKeys {
    if let fixed, role == nil { return fixed }
    let now = machine.clock.now()
    if let held, held.end > now { return held.keys }
    let own = if let fixed { fixed } else { try await ownRole() }
    let keys = if let role { try await take(role, by: own) } else { own }
    held = (keys, now.addingTimeInterval(Self.holding))
    return keys
  }

  private func ownRole() async throws -> AWSKeys {
    do {
      if let container {
        return try await container.send(.get, "", to: "give out keys").decode(Answer.self).keys
      }
      return try await machineRole()
    } catch let error as CertctlError {
      throw CertctlError(
        .challengeFailed,
        "no keys for AWS: none are given, and there is no role here (\(error.message))",
        hint: "give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or as AWS_SHARED_CREDENTIALS_FILE "
          + "the file that \"aws configure\" makes, .aws/credentials in your home",
        isRetryable: error.isRetryable)
    }
  }

  /// The metadata service, version 2: a token first, then the role's name, then its keys.
  private func machineRole() async throws -> AWSKeys {
    let token = try await machine.send(
      .put, "/latest/api/token", to: "give out a token",
      headers: [.init(name: "X-aws-ec2-metadata-token-ttl-seconds", value: "300")])
    let headers = [
      HTTPField(
        name: "X-aws-ec2-metadata-token", value: String(decoding: token.body, as: UTF8.self))
    ]
    let path = "/latest/meta-data/iam/security-credentials/"
    let roles = try await machine.send(.get, path, to: "tell the role", headers: headers)
    let role = String(decoding: roles.body, as: UTF8.self).split(whereSeparator: \.isNewline).first
    return try await machine.send(
      .get, path + VendorAPI.encoded(String(role ?? "")), to: "give out keys", headers: headers
    ).decode(Answer.self).keys
  }

  private func take(_ role: Role, by keys: AWSKeys) async throws -> AWSKeys {
    let clock = machine.clock
    let signed = role.service.authorized { request in
      try keys.fields(signing: request, service: "sts", region: role.region, at: clock.now())
    }
    let what = "give out the keys of a role"
    let answer = try await signed.post(
      "/", to: what,
      form: [
        ("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role.name),
        ("RoleSessionName", "certctl"), ("DurationSeconds", "900"),
      ] + (role.externalID.map { [("ExternalId", $0)] } ?? [])
    ).xml()
    let found = answer["AssumeRoleResult"]?["Credentials"]
    guard let id = found?["AccessKeyId"]?.text, let secret = found?["SecretAccessKey"]?.text else {
      throw role.service.failure(what, "the answer has no keys")
    }
    return AWSKeys(id: id, secret: secret, token: found?["SessionToken"]?.text)
  }

  private struct Answer: Decodable {
    let AccessKeyId: String
    let SecretAccessKey: String
    let Token: String?

    var keys: AWSKeys { AWSKeys(id: AccessKeyId, secret: SecretAccessKey, token: Token) }
  }
}
