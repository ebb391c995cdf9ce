import CertctlSystem
import TestSupport

/// An HTTP server that returns each request as JSON, for scripts that call an API.
enum EchoServer {
  private static let program = #"""
    import json, sys
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Echo(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = {"method": self.command, "path": self.path, "body": body,
                     "headers": {k.lower(): v for k, v in self.headers.items()}}
            with open(sys.argv[2], "a") as log:
                log.write(json.dumps(asked, sort_keys=True) + "\n")
            text = json.dumps(asked, sort_keys=True).encode()
            moved = self.path == "/moved"
            self.send_response(302 if moved else 404 if self.path == "/none" else 200)
            if moved:
                self.send_header("Location", "/target")
            self.send_header("X-Answer", "yes")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

        def log_message(self, *words):
            pass

    HTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
    """#

  /// Runs `body` with the server's URL.
  ///
  /// Each request becomes a line of the file `requests`.
  static func run<Result: Sendable>(
    in folder: TemporaryFolder, _ body: (String) async throws -> Result
  ) async throws -> Result {
    let port = try FreePort.pick()
    let path = try folder.write("echo.py", program)
    let server = Program("python3", [path, "\(port)", folder.path("requests")])
    return try await server.serve(isReady: { _ in
      try await Program("curl", ["--silent", "http://127.0.0.1:\(port)/ready"]).run().exitCode == 0
    }) { _ in
      folder.remove("requests")
      return try await body("http://127.0.0.1:\(port)")
    }
  }
}
