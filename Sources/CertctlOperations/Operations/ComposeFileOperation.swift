import CertctlServing
import CertctlStore

/// An operation that returns a compose file for an nginx that uses this state directory.
package struct ComposeFileOperation: Operation {
  package var container: String
  package var image: String
  package var nginxFolder: String
  package var copy: String?
  package var httpPort: Int
  package var httpsPort: Int
  package var hasHTTP3: Bool
  package var network: String

  package init(
    container: String, image: String, nginxFolder: String, copy: String? = nil,
    httpPort: Int = 80, httpsPort: Int = 443, hasHTTP3: Bool = false, network: String = "proxy"
  ) {
    self.container = container
    self.image = image
    self.nginxFolder = nginxFolder
    self.copy = copy
    self.httpPort = httpPort
    self.httpsPort = httpsPort
    self.hasHTTP3 = hasHTTP3
    self.network = network
  }

  package func run(in context: Context) async throws -> String {
    try ComposeFile(
      container: container, image: image, nginxFolder: nginxFolder,
      stateDirectory: context.state.path, copy: copy, ports: (httpPort, httpsPort),
      hasHTTP3: hasHTTP3, network: network
    ).text
  }
}
