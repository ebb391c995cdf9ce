internal import CertctlBase
internal import Glibc

/// Explains why listening on a port failed.
enum BindFailure {
  static func error(errno number: Int32, _ endpoint: Endpoint) -> HostError {
    let subject = "\(endpoint)"
    switch number {
    case EADDRINUSE:
      let who = PortHolder.find(port: endpoint.port)
      return HostError(
        .addressInUse, operation: "listen on", subject: subject, errnoCode: number,
        detail: who.map { "process \($0.pid) (\($0.command)) is listening there" }
          ?? "another process is listening there",
        hint: "use --webroot DIR to answer through that server, or another port with --http-port")
    case EACCES where endpoint.port < 1024:
      return HostError(
        .permissionDenied, operation: "listen on", subject: subject, errnoCode: number,
        detail: "ports below 1024 require root",
        hint: "run certctl as root, or use --webroot DIR")
    default:
      return HostError(errno: number, operation: "listen on", subject: subject)
    }
  }
}
