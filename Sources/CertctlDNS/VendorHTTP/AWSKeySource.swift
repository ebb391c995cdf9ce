import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// The source of AWS keys: the settings, or the role of this machine or container.
///
/// If another role is assumed, these keys only sign the request for the keys of that role.
actor AWSKeySource {
  /// A role to assume.
  struct Role: Sendable {
    /// The Amazon Resource Name (ARN).
    let name: String
    /// The external ID that the owner of the role requires, if any.
    let externalID: String?
    /// The Security Token Service (STS), and the region used to sign requests to it.
    let service: VendorAPI
    let region: String
  }

  /// The time in seconds for which the keys of a role are cached.
  ///
  /// AWS offers new keys five minutes before the old ones expire.
  private static let holding = 240.0

  private let fixed: AWSKeys?
  private let role: Role?
  private let machine: VendorAPI
  private let container: VendorAPI?
  private var held: (keys: AWSKeys, end: Date)?

  /// Creates a source.
  ///
  /// - Parameters:
  ///   - fixed: The keys from the settings; nil to use the role of the machine or container.
  ///   - role: The role to assume with these keys, if any.
  ///   - machine: The metadata service of the machine.
  ///   - container: The credentials endpoint of the container; nil outside a container.
  init(_ fixed: AWSKeys?, role: Role?, machine: VendorAPI, container: VendorAPI?) {
    self.fixed = fixed
    self.role = role
    self.machine = machine
    self.container = container
  }

  /// Returns keys that are valid now.
  ///
  /// - Throws: `CertctlError` if there are no keys, or if the role cannot be assumed.
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
        return try await container.send(.get, "", to: "get the role's keys").decode(Answer.self)
          .keys
      }
      return try await machineRole()
    } catch let error as CertctlError {
      throw CertctlError(
        .challengeFailed,
        "no AWS keys: none are configured, and this machine has no role (\(error.message))",
        hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or set AWS_SHARED_CREDENTIALS_FILE "
          + "to the file that \"aws configure\" writes (~/.aws/credentials)",
        isRetryable: error.isRetryable)
    }
  }

  /// Gets the keys from the metadata service, version 2: the token, the role's name, the keys.
  private func machineRole() async throws -> AWSKeys {
    let token = try await machine.send(
      .put, "/latest/api/token", to: "get a metadata token",
      headers: [.init(name: "X-aws-ec2-metadata-token-ttl-seconds", value: "300")])
    let headers = [
      HTTPField(
        name: "X-aws-ec2-metadata-token", value: String(decoding: token.body, as: UTF8.self))
    ]
    let path = "/latest/meta-data/iam/security-credentials/"
    let roles = try await machine.send(.get, path, to: "find the role", headers: headers)
    let role = String(decoding: roles.body, as: UTF8.self).split(whereSeparator: \.isNewline).first
    return try await machine.send(
      .get, path + VendorAPI.encoded(String(role ?? "")), to: "get the role's keys",
      headers: headers
    ).decode(Answer.self).keys
  }

  private func take(_ role: Role, by keys: AWSKeys) async throws -> AWSKeys {
    let clock = machine.clock
    let signed = role.service.authorized { request in
      try keys.fields(signing: request, service: "sts", region: role.region, at: clock.now())
    }
    let what = "assume the role"
    let answer = try await signed.post(
      "/", to: what,
      form: [
        ("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role.name),
        ("RoleSessionName", "certctl"), ("DurationSeconds", "900"),
      ] + (role.externalID.map { [("ExternalId", $0)] } ?? [])
    ).xml()
    let found = answer["AssumeRoleResult"]?["Credentials"]
    guard let id = found?["AccessKeyId"]?.text, let secret = found?["SecretAccessKey"]?.text else {
      throw role.service.failure(what, "the response contains no keys")
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
