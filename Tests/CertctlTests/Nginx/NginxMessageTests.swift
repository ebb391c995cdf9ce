import Testing

@testable import CertctlServing

/// What is quoted of nginx: its words, without what only a log needs.
struct NginxMessageTests {
  @Test(arguments: [
    (
      "nginx: [emerg] unexpected \"}\" in /etc/nginx/nginx.conf:7", "emerg",
      "unexpected \"}\" in /etc/nginx/nginx.conf:7"
    ),
    (
      "2026/11/30 12:00:00 [emerg] 123#123: unexpected \"}\" in /etc/nginx/nginx.conf:7", "emerg",
      "unexpected \"}\" in /etc/nginx/nginx.conf:7"
    ),
    (
      "2026/11/30 12:00:00 [emerg] 1#1: *7 bind() to 0.0.0.0:80 failed (98: Address already in use)",
      "emerg", "bind() to 0.0.0.0:80 failed (98: Address already in use)"
    ),
    (
      "nginx: [warn] the \"user\" directive makes sense only if the master process runs with "
        + "super-user privileges, ignored in /etc/nginx/nginx.conf:1", "warn",
      "the \"user\" directive makes sense only if the master process runs with super-user "
        + "privileges, ignored in /etc/nginx/nginx.conf:1"
    ),
    (
      "nginx: [alert] could not open error log file: open() \"/var/log/nginx/error.log\" failed "
        + "(13: Permission denied)", "alert",
      "could not open error log file: open() \"/var/log/nginx/error.log\" failed "
        + "(13: Permission denied)"
    ),
    ("  nginx: [emerg] x\r\n", "emerg", "x"),
  ])
  func `time, level and pid are left out`(_ line: String, _ level: String, _ text: String) {
    let message = NginxMessage(line)
    #expect(message.text == text)
    #expect(message.level == level)
  }

  @Test(arguments: [
    "nginx: configuration file /etc/nginx/nginx.conf test failed",
    "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen.sh",
    "[odd] nginx: something", "2026/11/30 something 1#1: else", "2026/11/30 12:00:00 [odd] 1#1: x",
    "sh: 1: nginx: not found", "nginx: [emerg]", "",
  ])
  func `a line of another form stays`(_ line: String) {
    #expect(NginxMessage(line).text == line)
    #expect(NginxMessage(line).level == nil)
  }

  @Test func `numbers that belong to the message stay`() {
    #expect(NginxMessage("nginx: [emerg] 12#x: 3").text == "12#x: 3")
    #expect(NginxMessage("nginx: [emerg] 1#1: *x y").text == "*x y")
    #expect(NginxMessage("nginx: [emerg] host 10: down").text == "host 10: down")
  }

  @Test func `a summary tells why, once`() {
    let output = """
      nginx: [warn] conflicting server name "a.test" on 0.0.0.0:80, ignored
      2026/11/30 12:00:00 [emerg] 123#123: unexpected "}" in /etc/nginx/nginx.conf:7
      nginx: [emerg] unexpected "}" in /etc/nginx/nginx.conf:7
      nginx: configuration file /etc/nginx/nginx.conf test failed

      """
    #expect(NginxMessage.summary(of: output) == "unexpected \"}\" in /etc/nginx/nginx.conf:7")
  }

  @Test func `without a reason the first lines are told`() {
    #expect(NginxMessage.summary(of: "") == "it said nothing")
    #expect(NginxMessage.summary(of: "a\n\nb\r\nc\nd\n") == "a; b; c")
    #expect(NginxMessage.summary(of: "nginx: [warn] odd\n") == "odd")
  }
}
