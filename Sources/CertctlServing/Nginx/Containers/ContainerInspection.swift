import CertctlBase
import FoundationEssentials

/// The result of `docker inspect` or `podman inspect`, as far as certctl uses it.
///
/// The formats differ between engines and versions, so values that are missing, null or of an
/// unexpected type are ignored.
struct ContainerInspection: Decodable, Sendable, Equatable {
  /// The state of the container.
  struct State: Decodable, Sendable, Equatable {
    var status = ""
    var isRunning = false
    var isPaused = false
    var isRestarting = false
    var pid: Int32 = 0
    var exitCode: Int?
  }

  /// A mount of the container.
  struct Mount: Decodable, Sendable, Equatable {
    var kind = ""
    var name: String?
    var source = ""
    var destination = ""
    var isWritable = true
  }

  /// A host port that leads to a port of the container.
  struct Binding: Decodable, Sendable, Equatable {
    var host = ""
    var port = 0
  }

  var id = ""
  var name = ""
  var image = ""
  var user = ""
  var state = State()
  var mounts: [Mount] = []
  var networkMode = ""
  /// The container's addresses by network name, IPv4 first.
  var networks: [String: [String]] = [:]
  /// The published ports by container port, such as "443/tcp".
  var ports: [String: [Binding]] = [:]
  var labels: [String: String] = [:]
  /// The file of the host that the container sees as `/etc/resolv.conf`.
  var resolverFile: String?

  /// Decodes one container, as an engine returns it over its socket.
  init?(json: [UInt8]) {
    guard let found = try? JSONDecoder().decode(Self.self, from: Data(json)) else { return nil }
    self = found
  }

  /// Decodes a list with one container from the output of a command line.
  ///
  /// The output can contain lines with warnings before and after the list.
  init?(output: String) {
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = lines.firstIndex(where: { $0.hasPrefix("[") }),
      let end = lines.lastIndex(where: { $0.hasSuffix("]") }), start <= end
    else { return nil }
    let json = Data(lines[start...end].joined(separator: "\n").utf8)
    guard let found = try? JSONDecoder().decode([Self].self, from: json).first else { return nil }
    self = found
  }
}

// MARK: - Decoding

extension ContainerInspection {
  private enum Key: String, CodingKey {
    case id = "Id"
    case name = "Name"
    case state = "State"
    case mounts = "Mounts"
    case config = "Config"
    case host = "HostConfig"
    case network = "NetworkSettings"
    case resolver = "ResolvConfPath"
    case image = "Image"
    case user = "User"
    case labels = "Labels"
    case mode = "NetworkMode"
    case networks = "Networks"
    case ports = "Ports"
    case address = "IPAddress"
    case address6 = "GlobalIPv6Address"
  }

  init(from decoder: any Decoder) throws {
    let all = try decoder.container(keyedBy: Key.self)
    // Without these, it is not a container.
    id = try all.decode(String.self, forKey: .id)
    state = try all.decode(State.self, forKey: .state)
    let name = all.lenient(String.self, .name) ?? ""
    self.name = name.hasPrefix("/") ? String(name.dropFirst()) : name
    mounts = all.lenient([Mount].self, .mounts) ?? []
    resolverFile = all.lenient(String.self, .resolver)
    if let config = try? all.nestedContainer(keyedBy: Key.self, forKey: .config) {
      user = config.lenient(String.self, .user) ?? ""
      image = config.lenient(String.self, .image) ?? ""
      labels = config.lenient([String: String].self, .labels) ?? [:]
    }
    if let host = try? all.nestedContainer(keyedBy: Key.self, forKey: .host) {
      networkMode = host.lenient(String.self, .mode) ?? ""
    }
    if let network = try? all.nestedContainer(keyedBy: Key.self, forKey: .network) {
      let published = network.lenient([String: [Binding]?].self, .ports) ?? [:]
      ports = published.compactMapValues { $0 }
      networks = (network.lenient([String: Addresses].self, .networks) ?? [:])
        .mapValues(\.all)
      // The default network has no name.
      let unnamed = [Key.address, .address6]
        .compactMap { network.lenient(String.self, $0) }.filter { !$0.isEmpty }
      if networks.isEmpty, !unnamed.isEmpty { networks = [networkMode: unnamed] }
    }
  }

  private struct Addresses: Decodable {
    let all: [String]

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      all = [Key.address, .address6].compactMap { values.lenient(String.self, $0) }
        .filter { !$0.isEmpty }
    }
  }
}

extension ContainerInspection.State {
  private enum Key: String, CodingKey {
    case status = "Status"
    case isRunning = "Running"
    case isPaused = "Paused"
    case isRestarting = "Restarting"
    case pid = "Pid"
    case exitCode = "ExitCode"
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    status = values.lenient(String.self, .status) ?? ""
    isRunning = values.lenient(Bool.self, .isRunning) ?? (status == "running")
    isPaused = values.lenient(Bool.self, .isPaused) ?? (status == "paused")
    isRestarting = values.lenient(Bool.self, .isRestarting) ?? (status == "restarting")
    pid = values.lenient(Int32.self, .pid) ?? 0
    exitCode = values.lenient(Int.self, .exitCode)
  }
}

extension ContainerInspection.Mount {
  private enum Key: String, CodingKey {
    case kind = "Type"
    case name = "Name"
    case source = "Source"
    case destination = "Destination"
    case isWritable = "RW"
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    kind = values.lenient(String.self, .kind) ?? ""
    name = values.lenient(String.self, .name)
    source = values.lenient(String.self, .source) ?? ""
    destination = values.lenient(String.self, .destination) ?? ""
    isWritable = values.lenient(Bool.self, .isWritable) ?? true
  }
}

extension ContainerInspection.Binding {
  private enum Key: String, CodingKey {
    case host = "HostIp"
    case port = "HostPort"
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    host = values.lenient(String.self, .host) ?? ""
    port =
      values.lenient(String.self, .port).flatMap { Int($0) }
      ?? values.lenient(Int.self, .port) ?? 0
  }
}

extension KeyedDecodingContainer {
  /// Returns the value, or nil if it is missing, null or of another type.
  fileprivate func lenient<Value: Decodable>(_ type: Value.Type, _ key: Key) -> Value? {
    try? decodeIfPresent(type, forKey: key)
  }
}
