import TestSupport
import Testing

@testable import CertctlDNS

/// The functions that acme.sh scripts call, in every shell that can be /bin/sh.
@Suite(.timeLimit(.minutes(10)))
struct AcmeShimTests {
  static let shells = [["dash"], ["bash", "--posix"], ["busybox", "sh"]]

  private func run(
    _ snippet: String, in shell: [String], environment: [String: String?] = [:]
  ) async throws -> ProgramResult {
    let prelude = """
      _certctl_tmp=$(mktemp -d)
      trap 'rm -rf "$_certctl_tmp"' EXIT
      umask 077
      HTTP_HEADER=$_certctl_tmp/header
      LE_CONFIG_HOME=$_certctl_tmp/home
      ACCOUNT_CONF_PATH=$LE_CONFIG_HOME/account.conf
      DOMAIN_CONF=$LE_CONFIG_HOME/certctl/example.com.conf

      """
    return try await Program(
      shell[0], Array(shell.dropFirst()) + ["-s"], environment: environment
    ).run(input: String(decoding: AcmeShim.script, as: UTF8.self) + prelude + snippet)
  }

  @Test(.requires("dash", "bash", "busybox", "openssl"), arguments: shells)
  func `encodings, digests and signatures match the standards`(_ shell: [String]) async throws {
    // RFC 4231, test cases 2 and 6; RFC 2202, test case 1 for MD5; FIPS 180 for abc.
    let result = try await run(
      #"""
      say() { cat; echo; }
      printf 'what do ya want for nothing?' |
        _hmac sha256 "$(printf Jefe | _hex_dump | tr -d ' ')" hex | say
      printf 'Test Using Larger Than Block-Size Key - Hash Key First' |
        _hmac sha256 "$(awk 'BEGIN { for (i = 0; i < 131; i++) printf "aa" }')" hex | say
      printf 'what do ya want for nothing?' | _hmac sha512 4a656665 | _base64 | say
      printf 'Hi There' | _hmac md5 0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b hex | say
      printf abc | _digest sha256 hex | say
      printf abc | _digest sha256 | say
      printf 'ab\000c' | _hex_dump | say
      printf '61 62\n00Ff' | _h2b | _hex_dump | say
      printf 'YW\nJj' | _dbase64 | say
      openssl genrsa -out "$_certctl_tmp/key" 2048 2>/dev/null
      printf text | _sign "$_certctl_tmp/key" sha256 | _dbase64 >"$_certctl_tmp/signature"
      openssl pkey -in "$_certctl_tmp/key" -pubout -out "$_certctl_tmp/public" 2>/dev/null
      printf text | openssl dgst -sha256 -verify "$_certctl_tmp/public" \
        -signature "$_certctl_tmp/signature"
      _isRSA "$_certctl_tmp/key" && echo RSA
      _isRSA "$_certctl_tmp/public" || echo none
      """#, in: shell)
    #expect(
      result.standardOutput == """
        5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843
        60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54
        Fkt6e/z4GeLjlfvnO1bgo4e9ZCIugx/WECcM1+olBVSXWL91wFqZSm0DT2X48Ob9yuqxo01Ka0tjbgcKOLznNw==
        9294727a3638bb1c13f48ef8158bfc9d
        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
        ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=
         61 62 00 63
         61 62 00 ff
        abc
        Verified OK
        RSA
        none

        """, "\(result)")
  }

  @Test(.requires("dash", "bash", "busybox"), arguments: shells)
  func `text functions return what scripts expect`(_ shell: [String]) async throws {
    let result = try await run(
      #"""
      say() { cat; echo; }
      printf 'a b/ä+%%' | _url_encode | say
      printf 'a b/ä' | _url_encode upper-hex | say
      printf 'a%%20b%%2f%%C3%%a4+%%zz%%' | _url_decode | say
      printf '{ "a" : "x y",\n   "n" : 12,\r\n  "o" : {\n "p" : [ 1 ] } }\n' | _normalizeJson | say
      printf 'a"b\\c\nd\te\n' | _json_encode | say
      printf 'x\\"y\\/z' | _json_decode | say
      _math 3 + 4 | say
      _math 7 - 2 '*' 2 | say
      _contains 'a: true' 'a: *true' && _startswith abc ab && _endswith abc bc && echo yes
      _contains x-y -y && ! _startswith abc bc && ! _endswith abc ab && echo yes
      echo '{"id":12,"id":13}' | _egrep_o '"id":[0-9]+' | _tail_n 1
      printf '1\n2\n3\n' | _head_n 2 | _tail_n 1
      _hasfield a,b,c b && ! _hasfield ab,c b && _getfield 'a;b;c' 2 ';' | say
      _getfield 'a,,c' 2 | say
      printf 'a+b/=' | _url_replace | say
      printf 'YWI-_w' | _durl_replace_base64 | say
      printf 'aBc' | _upper_case | _lower_case | say
      _idn example.com | say
      _exists sed && ! _exists no-such-program && ! _exists '' && echo yes
      printf 'one\ntwo\n' >"$_certctl_tmp/f"
      _sed_i '/one/d' "$_certctl_tmp/f"
      cat "$_certctl_tmp/f"
      _utc_date | grep -E '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}$' >/dev/null && echo date
      [ "$(_time)" -gt 1700000000 ] && echo time
      """#, in: shell)
    #expect(
      result.standardOutput == #"""
        a%20b%2f%c3%a4%2b%25
        a%20b%2F%C3%A4
        a b/ä+%zz%
        { "a":"x y","n" : 12,"o":{"p":[ 1 ] } }
        a\"b\\c\nd\te
        x"y/z
        7
        3
        yes
        yes
        "id":13
        2
        b
        a
        a-b_
        YWI+/w==
        abc
        example.com
        yes
        two
        date
        time

        """#, "\(result)")
  }

  @Test(.requires("dash", "bash", "busybox"), arguments: shells)
  func `messages do not end up in results, and secrets are not printed`(_ shell: [String])
    async throws
  {
    let result = try await run(
      """
      caught=$(_info hello; _info key value; _debug not shown; _err bad; _log LA_Sk=hunter2)
      echo "[$caught]"
      _err worse || echo refused
      DEBUG=2
      _debug2 a b
      _debug3 not shown
      _secure_debug2 token hunter2
      """, in: shell, environment: ["DEBUG": nil])
    #expect(result.standardOutput == "[]\nrefused\n")
    #expect(
      result.standardError == """
        hello
        key='value'
        bad
        worse
        a='b'
        token='[hidden]'

        """)
  }

  @Test(.requires("dash", "bash", "busybox"), arguments: shells)
  func `settings of any text are read back and never executed`(_ shell: [String]) async throws {
    let result = try await run(
      #"""
      say() { cat; echo; }
      _saveaccountconf_mutable K "it's \"q\" \$x \\n \$(touch \$_certctl_tmp/evil)"
      _readaccountconf_mutable K | say
      _saveaccountconf_mutable B 'sec ret' base64
      _readaccountconf_mutable B | say
      _saveaccountconf_mutable M "two
      lines"
      _readaccountconf_mutable M | say
      _saveaccountconf K old
      _saveaccountconf_mutable K new
      _clearaccountconf_mutable B
      _savedomainconf z.a-b 1
      _readdomainconf z.a-b | say
      _cleardomainconf z.a-b
      _readdomainconf z.a-b | say
      _savedomainconf 'a b' 1 || echo refused
      cat "$ACCOUNT_CONF_PATH" "$DOMAIN_CONF"
      ls -l "$ACCOUNT_CONF_PATH" | cut -c 1-10
      ls "$LE_CONFIG_HOME"
      [ ! -e "$_certctl_tmp/evil" ] || echo evil
      """#, in: shell)
    #expect(
      result.standardOutput == #"""
        it's "q" $x \n $(touch $_certctl_tmp/evil)
        sec ret
        two
        lines
        1

        refused
        SAVED_K='new'
        SAVED_M='__ACME_BASE64__START_dHdvCmxpbmVz__ACME_BASE64__END_'
        -rw-------
        account.conf
        certctl

        """#, "\(result)")
  }
}
