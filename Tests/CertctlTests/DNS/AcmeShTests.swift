import ACME
import CertctlSystem
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS

/// acme.sh DNS scripts run unchanged, with the settings that acme.sh saved.
@Suite(.timeLimit(.minutes(10)))
struct AcmeShTests {
  private let zone = "example.com"
  private let apex = ProgramBench.apex

  /// Creates a provider whose acme.sh home is the bench's folder `acme`.
  private func provider(
    _ bench: ProgramBench, _ script: String, name: String = "dns_own", mode: UInt32 = 0o644,
    environment: [String: String] = [:]
  ) throws -> AcmeSh {
    try bench.script("acme/dnsapi/\(name).sh", script, mode: mode)
    var provider = try AcmeSh(
      bench.context(AcmeSh.self, name, settings: ["ACMESH_HOME": bench.folder.path("acme")]))
    provider.script.variables.merge(environment) { $1 }
    provider.script.timeLimit = .seconds(60)
    return provider
  }

  // MARK: - Running scripts

  /// A script in the style of acme.sh's guide for DNS scripts.
  private static let script = #"""
    Own_Api="${OWN_URL}/v1"

    dns_own_add() {
      fulldomain=$1
      txtvalue=$2
      OWN_Token="${OWN_Token:-$(_readaccountconf_mutable OWN_Token)}"
      if [ -z "$OWN_Token" ]; then
        _err "You must export OWN_Token"
        return 1
      fi
      _saveaccountconf_mutable OWN_Token "$OWN_Token"
      if ! _get_root "$fulldomain"; then
        _err "invalid domain"
        return 1
      fi
      _debug _domain "$_domain"
      if _own_rest POST "zones/$_domain/records" \
        "{\"name\":\"$_sub_domain\",\"type\":\"TXT\",\"content\":\"$txtvalue\"}"; then
        if _contains "$response" '"method": "POST"'; then
          _info "Added, OK"
          return 0
        fi
      fi
      _err "Add txt record error."
      return 1
    }

    dns_own_rm() {
      OWN_Token="${OWN_Token:-$(_readaccountconf_mutable OWN_Token)}"
      _get_root "$1" || return 1
      _own_rest DELETE "zones/$_domain/records/$(printf "%s" "$2" | _url_encode)"
    }

    _get_root() {
      domain=$1
      i=2
      p=1
      while true; do
        h=$(printf "%s" "$domain" | cut -d . -f "$i"-100)
        [ -n "$h" ] || return 1
        _own_rest GET "zones?name=$h" || return 1
        if _contains "$response" "name=example.com\""; then
          _sub_domain=$(printf "%s" "$domain" | cut -d . -f 1-"$p")
          _domain=$h
          return 0
        fi
        p=$i
        i=$(_math "$i" + 1)
      done
    }

    _own_rest() {
      export _H1="Authorization: Bearer $OWN_Token"
      export _H2="Content-Type: application/json"
      if [ "$1" = GET ]; then
        response="$(_get "$Own_Api/$2")"
      else
        response="$(_post "$3" "$Own_Api/$2" "" "$1")"
      fi
      _ret=$?
      [ "$_ret" = 0 ] || return 1
      _code="$(grep "^HTTP" "$HTTP_HEADER" | _tail_n 1 | cut -d " " -f 2 | tr -d "\r\n")"
      [ "$_code" = 200 ]
    }
    """#

  @Test(.requires("python3", "curl"))
  func `a script finds its zone, adds and removes a record, and saves its key`() async throws {
    try await ProgramBench.run { bench in
      try await EchoServer.run(in: bench.folder) { url in
        let first = try provider(
          bench, Self.script, environment: ["OWN_URL": url, "OWN_Token": "s\"3\\cret' key"])
        let deep = ChallengeRecord(
          name: "_acme-challenge.a.b.example.com", value: apex.value, domain: "a.b.example.com")
        try await first.publish([deep], in: zone)
        let requests = bench.folder.read("requests") ?? ""
        let lines = requests.split(separator: "\n").compactMap { JSONValue(Array($0.utf8)) }
        #expect(
          lines.map { $0["path"].string } == [
            "/v1/zones?name=a.b.example.com", "/v1/zones?name=b.example.com",
            "/v1/zones?name=example.com", "/v1/zones/example.com/records",
          ])
        let post = try #require(lines.last)
        #expect(post["method"].string == "POST")
        #expect(post["headers"]["authorization"].string == "Bearer s\"3\\cret' key")
        #expect(post["headers"]["content-type"].string == "application/json")
        let body = JSONValue(Array((post["body"].string ?? "").utf8))
        #expect(
          body == [
            "name": "_acme-challenge.a.b", "type": "TXT", "content": .string(apex.value),
          ])
        #expect(
          bench.folder.read("acme/account.conf") == "SAVED_OWN_Token='s\"3\\cret'\\'' key'\n")

        // Another process without the key in its environment.
        let second = try provider(bench, Self.script, environment: ["OWN_URL": url])
        try await second.remove([deep], in: zone)
        let last = (bench.folder.read("requests") ?? "").split(separator: "\n").last
        let removal = try #require(JSONValue(Array((last ?? "").utf8)))
        #expect(removal["method"].string == "DELETE")
        #expect(removal["path"].string == "/v1/zones/example.com/records/\(apex.value)")
        #expect(removal["headers"]["authorization"].string == "Bearer s\"3\\cret' key")
        #expect(bench.warnings.all == [])
      }
    }
  }

  @Test(.requires("python3", "curl"))
  func `requests match the script's calls, and curl gets no secret as argument`() async throws {
    try await ProgramBench.run { bench in
      try await EchoServer.run(in: bench.folder) { url in
        let curl = try #require(InstalledProgram.find("curl"))
        try bench.script("bin/curl", "echo \"$*\" >>\"$log\"; exec \(curl) \"$@\"")
        let provider = try provider(
          bench,
          #"""
          dns_own_add() {
            export _H1="X-Key: hunter2"
            _post 'a=b&c=d' "$URL/form?key=hunter2" >"$OUT/form"
            _post '{"hunter2":1}' "$URL/json" "" PUT application/json >"$OUT/put"
            _post "" "$URL/gone" true DELETE >"$OUT/base64"
            export _H1=
            _get "$URL/moved" >"$OUT/moved"
            ACME_HTTP_NO_REDIRECTS=1 _get "$URL/moved" >"$OUT/stayed"
            _get "$URL/head" true 5 >"$OUT/head"
            _get "$URL/none" >/dev/null
            grep -c X-Answer "$HTTP_HEADER" >"$OUT/header"
            _get "http://127.0.0.1:1/closed?key=hunter2" 2>"$OUT/closed" || echo refused >>"$OUT/closed"
            case $- in *e*) return 1 ;; esac
          }
          """#,
          environment: [
            "URL": url, "OUT": bench.folder.path,
            "PATH": "\(bench.folder.path("bin")):/usr/local/bin:/usr/bin:/bin",
          ])
        try await provider.publish([apex], in: zone)
        func answer(_ name: String) throws -> JSONValue {
          try #require(JSONValue(Array((bench.folder.read(name) ?? "").utf8)), "\(name)")
        }
        let form = try answer("form")
        #expect(form["body"].string == "a=b&c=d" && form["path"].string == "/form?key=hunter2")
        #expect(form["headers"]["x-key"].string == "hunter2")
        #expect(form["headers"]["content-type"].string == "application/x-www-form-urlencoded")
        let put = try answer("put")
        #expect(put["method"].string == "PUT" && put["body"].string == "{\"hunter2\":1}")
        #expect(put["headers"]["content-type"].string == "application/json")
        #expect(bench.folder.read("base64")?.hasPrefix("ey") == true)
        #expect(try answer("moved")["path"].string == "/target")
        #expect(try answer("moved")["headers"]["x-key"].string == nil)
        #expect(try answer("stayed")["path"].string == "/moved")
        #expect(bench.folder.read("head")?.hasPrefix("HTTP/1.0 200") == true)
        #expect(bench.folder.read("header") == "1\n")
        let closed = bench.folder.read("closed") ?? ""
        #expect(closed.contains("cannot send GET http://127.0.0.1:1/closed: curl exit code 7\n"))
        #expect(closed.hasSuffix("refused\n"))
        #expect(bench.log.split(separator: "\n").count == 8)
        #expect(!bench.log.contains("hunter2"))
      }
    }
  }

  @Test func `settings saved by acme.sh are read but never executed`() async throws {
    try await ProgramBench.run { bench in
      let evil = bench.folder.path("evil")
      try bench.folder.write(
        "acme/account.conf",
        """
        #LOG_FILE="x"
        OLD_Key='from file'
        export EXPORTED="yes"
        TAKEN='file'
        EVIL=$(touch \(evil))
        PATH='/nowhere'
        SAVED_NEW='it'\\''s'
        SAVED_B64='__ACME_BASE64__START_c2VjcmV0__ACME_BASE64__END_'
        USER_AGENT='own'

        """)
      try bench.folder.write(
        "acme/example.com_ecc/example.com.conf", "Le_Domain='example.com'\nZONE_ID='z1'\n")
      let provider = try provider(
        bench,
        #"""
        dns_own_add() {
          echo "$OLD_Key|$(sh -c 'echo $EXPORTED')|$TAKEN|$EVIL|$(_readaccountconf_mutable NEW)" \
            "$(_readaccountconf_mutable B64)|$(_readaccountconf OLD_Key)|$(_readdomainconf ZONE_ID)" \
            "$USER_AGENT|$DOMAIN_CONF" >>"$log"
        }
        """#, environment: ["TAKEN": "environment"])
      try await provider.publish(
        [
          ChallengeRecord(
            name: "_acme-challenge.www.example.com", value: "v", domain: "www.example.com")
        ],
        in: zone)
      let conf = bench.folder.path("acme/example.com_ecc/example.com.conf")
      #expect(
        bench.log
          == "from file|yes|environment|$(touch \(evil))|it's secret|from file|z1 own|\(conf)\n")
      #expect(!bench.folder.contains("evil"))
    }
  }

  @Test func `a script runs in a temporary folder and cannot read the shim from stdin`()
    async throws
  {
    try await ProgramBench.run { bench in
      let provider = try provider(
        bench,
        #"""
        dns_own_add() {
          echo key >private.key
          pwd >"$log"
          mktemp >>"$log"
          cat >>"$log"
          echo "$# $1 $2" >>"$log"
        }
        """#)
      try await provider.publish([apex], in: zone)
      let lines = bench.log.split(separator: "\n").map(String.init)
      try #require(lines.count == 3, "\(bench.log)")
      #expect(lines[1].hasPrefix(lines[0] + "/"))
      #expect(lines[2] == "2 \(apex.name) \(apex.value)")
      #expect(!TemporaryFolder(existing: lines[0]).contains("."))
    }
  }

  @Test func `a setting that cannot be saved causes a warning`() async throws {
    try await ProgramBench.run { bench in
      let provider = try provider(
        bench,
        """
        dns_own_add() {
          _saveaccountconf_mutable A 1
          _saveaccountconf_mutable B 2
        }
        """, environment: ["LE_CONFIG_HOME": "/proc/nowhere"])
      try await provider.publish([apex], in: zone)
      #expect(bench.warnings.all.count == 1)
      #expect(
        bench.warnings.all.first?.contains("cannot write /proc/nowhere/account.conf") == true)
    }
  }

  // MARK: - Failures

  @Test func `a failed script is quoted, and a failed removal causes a warning`() async throws {
    try await ProgramBench.run { bench in
      let provider = try provider(
        bench, "dns_own_add() { _info talk; _err 'The key \u{1B}[1mis wrong'; return 1; }")
      let error = try await programFailure { try await provider.publish([apex], in: zone) }
      #expect(
        error.message.hasPrefix("cannot add _acme-challenge.example.com with the acme.sh script "))
      #expect(
        error.message.hasSuffix(
          "dns_own.sh: exit code 1; output: talk | The key \u{1B}[1mis wrong"))
      try await provider.remove([apex], in: zone)
      #expect(bench.warnings.all.count == 1)
      #expect(
        bench.warnings.all.first?.contains("cannot remove the TXT record \(apex.name)") == true)

      let empty = try self.provider(bench, "true", name: "dns_empty")
      let missing = try await programFailure { try await empty.publish([apex], in: zone) }
      #expect(missing.message.hasSuffix("; output: the script has no function dns_empty_add"))
    }
  }

  @Test func `a hanging script is stopped and leaves nothing behind`() async throws {
    try await ProgramBench.run { bench in
      var provider = try provider(bench, #"dns_own_add() { pwd >"$log"; sleep 100; }"#)
      provider.script.timeLimit = .seconds(1)
      let slow = provider
      let error = try await programFailure { try await slow.publish([apex], in: zone) }
      #expect(error.message.contains("stopped after 1 s"))
      let folder = bench.log.split(separator: "\n").first.map(String.init) ?? "/"
      #expect(folder.contains("/tmp"))
      #expect(!TemporaryFolder(existing: folder).contains("."))
    }
  }

  @Test(arguments: ["../dns_x", "dns_x.sh", "dns_x;id", "DNS_X", "cf", "dns_ä", "dns x"])
  func `only a plain name selects a script`(_ name: String) async throws {
    try await ProgramBench.run { bench in
      let error = #expect(throws: CertctlError.self) {
        try AcmeSh(
          bench.context(AcmeSh.self, name, settings: ["ACMESH_HOME": bench.folder.path]))
      }
      expectError(error, code: .usage, hint: "acmesh:dns_cf")
    }
  }

  @Test func `a missing or unsafe script fails before anything runs`() async throws {
    try await ProgramBench.run { bench in
      func error(_ home: String) -> CertctlError? {
        #expect(throws: CertctlError.self) {
          try AcmeSh(bench.context(AcmeSh.self, "dns_ownn", settings: ["ACMESH_HOME": home]))
        }
      }
      let nowhere = error(bench.folder.path("nowhere"))
      expectError(
        nowhere, code: .configuration, startsWith: "acme.sh is not installed in /",
        hint: "ACMESH_HOME")
      #expect(error("acme")?.message == "ACMESH_HOME must be an absolute path")

      try bench.script("acme/dnsapi/dns_own.sh", "true")
      let script = error(bench.folder.path("acme"))
      expectError(script, endsWith: "has no DNS script dns_ownn")
      expectError(script, hint: "acmesh:dns_own")

      try bench.script("acme/dnsapi/dns_ownn.sh", "true", mode: 0o666)
      let open = error(bench.folder.path("acme"))
      expectError(open, mentions: "can be written by everybody")
    }
  }

  @Test func `programs are searched in the script's PATH`() async throws {
    try await ProgramBench.run { bench in
      try bench.script("bin/curl", "true")
      try bench.script("other/curl", "true", mode: 0o644)
      let (bin, other) = (bench.folder.path("bin"), bench.folder.path("other"))
      #expect(AcmeSh.isInstalled("curl", ["PATH": "\(other):\(bin)"]))
      #expect(!AcmeSh.isInstalled("curl", ["PATH": other]))
      #expect(AcmeSh.isInstalled("sh", [:]))
    }
  }
}
