internal import CertctlBase
internal import Glibc

/// Why a port cannot be had, and what to do about it.
enum BindFailure {
  static func error(errno number: Int32, _ endpoint: Endpoint) -> HostError {
    let subject = "\(endpoint)"
    switch number {
    case EADDRINUSE:
      let who = PortHolder.find(port: endpoint.port)
      return HostError(
        .addressInUse, operation: "listen on", subject: subject, errnoCode: number,
        detail: who.map { "process \($0.pid) (\($0.command)) listens there" }
          ?? "another process listens there",
        hint: "let that server answer by --webroot DIR, or choose another port by --http-port")
    case EACCES where endpoint.port < 1024:
      return HostError(
        .permissionDenied, operation: "listen on", subject: subject, errnoCode: number,
        detail: "ports below 1024 are for root",
        hint: "run as root, or grant CAP_NET_BIND_SERVICE, or use --webroot DIR")
    default:
      return HostError(errno: number, operation: "listen on", subject: subject)
    }
  }
}
