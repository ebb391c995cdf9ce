extension Explanation {
  private static func error(
    _ code: String, cause: String, effect: String, cure: String
  ) -> Explanation {
    Explanation(.error, code, cause: cause, effect: effect, cure: cure)
  }

  /// The codes of errors that certctl itself decides.
  static let errors: [Explanation] = [
    error(
      "usage",
      cause: "The command line is wrong: an unknown option, a value that is not allowed, or "
        + "options that cannot be combined.",
      effect: "Nothing was changed and no server was contacted. Exit code 64.",
      cure: "Correct the command. Run the command with --help to see its options and examples."),
    error(
      "configuration",
      cause: "certctl.toml, a setting of the certificate, a credential or another part of this "
        + "machine's configuration is wrong, or can be changed by a user other than root.",
      effect: "Nothing was changed. Exit code 78; the timer fails the same way until it is fixed.",
      cure: "Correct the setting that the message names."),
    error(
      "notFound",
      cause: "No certificate, site, account, version, file or directory has this name.",
      effect: "Nothing was changed.",
      cure: "List what exists with certctl list, certctl site list or certctl account show."),
    error(
      "damagedState",
      cause: "A file in the state directory is damaged, or a newer certctl wrote it.",
      effect: "certctl does not overwrite the file. Other certificates are not affected; servers "
        + "keep the certificate they have.",
      cure: "Restore the file from a backup, or update certctl if a newer version wrote it. As a "
        + "last resort move the file away and issue the certificate again."),
    error(
      "state",
      cause: "Something failed that has no code of its own.",
      effect: "The message says what was not done. Files are written completely or not at all.",
      cure: "Read the message; run the command again with --verbose to print each step."),
    error(
      "locked",
      cause: "Another certctl process works on the same certificate or deploys to nginx.",
      effect: "Nothing was changed. Exit code 75.",
      cure: "Wait until the process that the message names has ended, or set a longer "
        + "--lock-timeout."),
    error(
      "refused",
      cause: "The change would remove something that is in use or that certctl did not write, "
        + "such as a certificate that nginx serves or a file that was edited by hand.",
      effect: "Nothing was changed.",
      cure: "Follow the hint. Use --force only if the loss is intended."),
    error(
      "unusableCertificate",
      cause: "The CA sent a certificate that does not fit the key, the names, the dates or the "
        + "chain of the order, or that fails a TLS handshake.",
      effect: "The certificate is not used; servers keep the one they have.",
      cure: "Issue again; if it happens again, report it to the CA, or use another CA or "
        + "--preferred-chain."),
    error(
      "challengeFailed",
      cause: "The CA could not validate a name: the challenge could not be published, or the CA "
        + "did not see it.",
      effect: "No certificate was issued. Everything published for the challenge was removed.",
      cure: "Check that the name points to this host and that the port is open (http-01, "
        + "tls-alpn-01), or that the zone's name servers have the record (dns-01). Try the "
        + "change with --dry-run first: failed validations count towards rate limits."),
    error(
      "termsNotAgreed",
      cause: "The CA requires agreement to its terms of service, which was not given.",
      effect: "No account was registered and no certificate was issued. Exit code 64.",
      cure: "Read the terms and run the command again with --agree-tos, or set "
        + "agree-tos = true in certctl.toml."),
    error(
      "authority",
      cause: "The CA refused a request or sent a response that is not valid ACME.",
      effect: "No certificate was issued. The one in use is not affected.",
      cure: "Read the CA's own words in the message and in problem. Run certctl explain with the "
        + "type of the problem, such as certctl explain caa."),
    error(
      "tryLater",
      cause: "The CA, a DNS service or another server is unreachable, overloaded or "
        + "rate-limiting requests, or has not finished yet.",
      effect:
        "No certificate was issued yet; the next run resumes an order already placed. "
        + "Exit code 75, or 1 in the last quarter of the certificate's lifetime.",
      cure: "Wait for the timer, or run the same command again after retryAfter."),
    error(
      "postponed",
      cause: "certctl did not ask the CA because a known rate limit would be exceeded, or because "
        + "the CA was unreachable a moment ago.",
      effect: "No request was sent. The first timer run after retryAfter tries again.",
      cure: "Wait, or use --force to ask the CA anyway."),
    error(
      "deploymentFailed",
      cause: "A new certificate is stored, but nginx or another server does not serve it.",
      effect: "Servers keep the previous certificate. The new one is kept and deployed by the next "
        + "run without a new order.",
      cure: "Fix what the message names, then run certctl renew. certctl nginx status shows what "
        + "nginx serves."),
    error(
      "nginxRefused",
      cause: "nginx -t rejects the configuration that certctl would install.",
      effect: "No file was changed; nginx runs with its previous configuration.",
      cure: "Fix the line that nginx names. Run certctl nginx test to check the configuration as "
        + "it is."),
    error(
      "io",
      cause: "The operating system reported an error for a file, a socket or a process.",
      effect: "The message names the operation. Files are written completely or not at all.",
      cure: "Check the disk and the file system that the message names."),
    error(
      "permissionDenied",
      cause: "This user, or the sandbox of the systemd service, is not allowed to read or write "
        + "a file or to use a port.",
      effect: "Nothing was changed.",
      cure: "Run certctl as root, or use --state-dir and --http-port as an ordinary user. In the "
        + "timer's service allow the path with ReadWritePaths=."),
    error(
      "alreadyExists",
      cause: "A file that certctl must create already exists.",
      effect: "The file was not overwritten.",
      cure: "Move the file away, then run the command again."),
    error(
      "diskFull",
      cause: "The disk or the quota is full.",
      effect: "Nothing was lost: the previous certificate stays in use.",
      cure: "Free some space, then run the same command again."),
    error(
      "fileTooLarge",
      cause: "A file is larger than certctl accepts for its kind.",
      effect: "The file was not read.",
      cure: "Check that the path is the right one."),
    error(
      "unsafePath",
      cause: "A path contains a symbolic link, or a directory that another user can change.",
      effect: "Nothing was read or written there.",
      cure: "Use a path whose directories belong to root or to the owner of the files, without "
        + "symbolic links."),
    error(
      "timedOut",
      cause: "A server or a program did not finish in time.",
      effect: "The message names the operation that timed out.",
      cure: "Check the server or program; where an option sets the time limit, increase it."),
    error(
      "resolveFailed",
      cause: "A host name has no address, or no resolver answers.",
      effect: "No connection was made.",
      cure: "Check the name and /etc/resolv.conf."),
    error(
      "connectFailed",
      cause: "A server refused the connection, or its address is unreachable.",
      effect: "No request was sent.",
      cure: "Check that the server is running and no firewall blocks it."),
    error(
      "tlsFailed",
      cause: "The server's certificate is not trusted, has expired or is for another name, or the "
        + "two sides have no TLS version in common.",
      effect: "No request was sent.",
      cure: "Check the clock of this host and the package ca-certificates. For a private CA use "
        + "--ca-bundle."),
    error(
      "responseTooLarge",
      cause: "A server sent more data than the operation can need.",
      effect: "The response was discarded.",
      cure: "Check that the URL is the right one."),
    error(
      "unsupportedURL",
      cause: "A URL cannot be parsed, or its scheme is neither http nor https.",
      effect: "No request was sent.",
      cure: "Correct the URL."),
    error(
      "requestNotSent",
      cause: "The connection ended before the request was sent.",
      effect: "The server did not act on the request.",
      cure: "Run the command again."),
    error(
      "transferFailed",
      cause: "The connection ended after the request was sent.",
      effect: "The server may have acted on the request. Before certctl repeats a request that "
        + "must run only once, it asks the CA for the result.",
      cure: "Run the command again."),
    error(
      "redirectRefused",
      cause: "A server redirected to http, to an invalid address, or too often.",
      effect: "The redirect was not followed.",
      cure: "Use the final URL."),
    error(
      "invalidRequest",
      cause: "A request contains something that must not be sent, such as a line break in a "
        + "header.",
      effect: "No request was sent.",
      cure: "Check the credential or setting that the message names for stray line breaks."),
    error(
      "malformedAnswer",
      cause: "A server sent something that does not follow its protocol.",
      effect: "The response was discarded.",
      cure: "Check that the address belongs to the right kind of server and that no proxy changes "
        + "its responses."),
    error(
      "malformedXML",
      cause: "A DNS service sent XML that cannot be read.",
      effect: "The response was discarded.",
      cure: "Run the command again later; a proxy or an outage of the service may be the cause."),
    error(
      "badName",
      cause: "A host name cannot be written in ASCII (IDNA 2008).",
      effect: "Nothing was changed.",
      cure: "Check the spelling, or use the form that starts with xn--."),
    error(
      "missingLibrary",
      cause: "A library that this operation needs is not installed, or is too old.",
      effect: "Nothing was changed.",
      cure: "Install the package that the message names."),
    error(
      "closed",
      cause: "The operation was stopped because the command ended.",
      effect: "What was published for a challenge was removed.",
      cure: "Run the command again."),
    error(
      "openSSL",
      cause: "OpenSSL failed for a reason that the input does not explain.",
      effect: "The key or certificate was not used.",
      cure: "Read OpenSSL's reason in the message. A FIPS or crypto policy of this host may forbid "
        + "the algorithm."),
    error(
      "malformed",
      cause: "A key, certificate, request or parameter file is damaged or of another format.",
      effect: "The file was not used.",
      cure: "Check the file with openssl x509, openssl pkey or openssl req."),
    error(
      "unsupported",
      cause: "certctl does not support this kind of key or certificate, such as an encrypted key.",
      effect: "The file was not used.",
      cure: "Follow the hint; decrypt the key, or use one of the key types of --key-type."),
    error(
      "mismatch",
      cause: "Two things that must belong together do not, such as a key and a certificate.",
      effect: "Nothing was installed; servers keep the pair they have.",
      cure: "Issue the certificate again, or use the key that belongs to the request."),
    error(
      "untrusted",
      cause: "A certificate chain does not lead to a trusted root, has expired, or is for another "
        + "name.",
      effect: "The certificate was not accepted.",
      cure: "Check the chain and the clock. For a private CA use --ca-bundle."),
  ]
}
