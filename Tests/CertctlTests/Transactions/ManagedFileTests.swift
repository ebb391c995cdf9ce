import Testing

@testable import CertctlServing

struct ManagedFileTests {
  @Test func `certctl recognises its own file and a change by hand`() {
    let bytes = ManagedFile.bytes("server { listen 80; }\n")
    #expect(ManagedFile.owner(of: bytes) == .certctl)
    #expect(ManagedFile.owner(of: bytes + Array("# mine\n".utf8)) == .changed)
    #expect(ManagedFile.owner(of: Array(bytes.dropLast())) == .changed)
    #expect(ManagedFile.owner(of: Array("server { listen 80; }\n".utf8)) == .other)
    #expect(ManagedFile.owner(of: []) == .other)
    #expect(ManagedFile.owner(of: nil) == .nobody)
  }

  @Test func `an empty file is recognised`() {
    #expect(ManagedFile.owner(of: ManagedFile.bytes("")) == .certctl)
  }

  @Test func `a file is recognised by its checksum line, not by the sentence above it`() {
    let text = String(decoding: ManagedFile.bytes("server { }\n"), as: UTF8.self)
    let lines = text.split(separator: "\n", maxSplits: 1)
    let reworded = "# Any other sentence.\n\(lines[1])"
    #expect(ManagedFile.owner(of: Array(reworded.utf8)) == .certctl)
    #expect(ManagedFile.owner(of: Array("\(reworded)# mine\n".utf8)) == .changed)
    // A line added by the user must not be lost.
    #expect(ManagedFile.owner(of: Array("# mine\n\(text)".utf8)) == .changed)
    #expect(ManagedFile.owner(of: Array("user nginx;\n\(lines[1])".utf8)) == .changed)
    #expect(ManagedFile.owner(of: Array("# Any other sentence.\nserver { }\n".utf8)) == .other)
  }

  @Test func `files with the older checksum line are recognised`() {
    let old = """
      # Written by certctl. Changed by hand, it is left alone from then on.
      # sha256: f4a7a3e4a2e1b3d0

      """
    #expect(ManagedFile.owner(of: Array(old.utf8)) == .changed)
    let checksum = "b9148fc6dfefbfb3cd3bcda8ac9cab2b2956a206586e45bd6c0250a5f78665dd"
    let whole = """
      # Written by certctl. Changed by hand, it is left alone from then on.
      # sha256: \(checksum)
      server { listen 80; }

      """
    #expect(ManagedFile.owner(of: Array(whole.utf8)) == .certctl)
    #expect(ManagedFile.owner(of: Array("\(whole)\n".utf8)) == .changed)
    // certctl never wrote this checksum line below another sentence.
    #expect(
      ManagedFile.owner(of: Array("# sha256\n\(whole.split(separator: "\n")[1])\n".utf8)) == .other)
  }
}

struct IncludeLineTests {
  private let debian = """
    user nginx;
    events { worker_connections 1024; }
    http {
        server { listen 80; location / { return 200 "}"; } }
        # }
        include /etc/nginx/conf.d/*.conf;
    }

    """

  @Test func `the line is added before the end of the http block and removed again`() throws {
    let added = try #require(IncludeLine.added(to: debian, folder: "/etc/nginx"))
    #expect(
      added.hasSuffix(
        """
            include /etc/nginx/conf.d/*.conf;
            include /etc/nginx/sites-enabled/*.conf; # added by certctl
        }

        """))
    #expect(IncludeLine.removed(from: added, folder: "/etc/nginx") == debian)
    #expect(IncludeLine.removed(from: debian, folder: "/etc/nginx") == nil)
    #expect(IncludeLine.removed(from: added, folder: "/srv/nginx") == nil)
  }

  @Test func `an http block on one line after a stream block is found, a missing one is not`()
    throws
  {
    let one = "stream { } http { server { } }"
    #expect(
      IncludeLine.added(to: one, folder: "/n")
        == "stream { } http { server { } \n    include /n/sites-enabled/*.conf; # added by certctl\n}"
    )
    #expect(IncludeLine.added(to: "events { }\ninclude http.conf;\n", folder: "/n") == nil)
  }
}

struct NginxRewritingTests {
  @Test func `only the selected arguments change, the rest stays byte for byte`() {
    let text = """
      # include /etc/nginx/a.conf;
      include  /etc/nginx/a.conf ;
      ssl_certificate "/etc/nginx/with space.pem";
      content_by_lua_block { include /etc/nginx/x }
      log_format x '/etc/nginx/ { ;';
      """
    let new = NginxRewriting.text(text) { directive, argument in
      directive == "log_format" || !argument.hasPrefix("/etc/nginx/")
        ? nil : "/stage/" + argument.dropFirst(11)
    }
    #expect(
      new == """
        # include /etc/nginx/a.conf;
        include  /stage/a.conf ;
        ssl_certificate "/stage/with space.pem";
        content_by_lua_block { include /etc/nginx/x }
        log_format x '/etc/nginx/ { ;';
        """)
    #expect(NginxRewriting.text(text) { _, _ in nil } == nil)
  }
}
