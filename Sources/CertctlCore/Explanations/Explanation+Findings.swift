extension Explanation {
  private static func finding(
    _ code: Finding.Code, cause: String, effect: String, cure: String
  ) -> Explanation {
    Explanation(.finding, code.rawValue, cause: cause, effect: effect, cure: cure)
  }

  /// The codes of findings.
  static let findings: [Explanation] = Finding.Code.allCases.map(explanation)

  // A switch, so that the compiler asks for the explanation of a new code.
  private static func explanation(_ code: Finding.Code) -> Explanation {
    switch code {
    case .damaged:
      finding(
        code, cause: "A file of the certificate is missing, unreadable or does not fit the others.",
        effect: "certctl does not renew or deploy from damaged files.",
        cure: "Restore the state directory from a backup, use certctl rollback, or issue the "
          + "certificate again.")
    case .expired:
      finding(
        code, cause: "The certificate in use has expired; its renewals failed or did not run.",
        effect: "Clients refuse the connection.",
        cure: "Run certctl renew and read why it fails. Check the timer: systemctl status "
          + "certctl-renew.timer.")
    case .revoked:
      finding(
        code, cause: "The certificate in use was revoked.",
        effect: "Clients that check revocation refuse it.",
        cure: "Run certctl renew: revoked certificates are renewed immediately.")
    case .placeholder:
      finding(
        code, cause: "The site has no certificate yet, so nginx uses a self-signed placeholder.",
        effect: "Browsers show a warning.",
        cure: "Run certctl renew, or the certctl site add command again.")
    case .namesMissing:
      finding(
        code, cause: "Some names could not be validated and were left out (--allow-partial).",
        effect: "The certificate is not valid for these names. Every renewal tries them again.",
        cure: "Make the names reachable, or remove them from the certificate.")
    case .renewalFailed:
      finding(
        code, cause: "The last attempt to renew the certificate failed.",
        effect: "The certificate in use stays. The timer retries with increasing delays.",
        cure: "Fix what the message names, then run certctl renew.")
    case .renewalHeld:
      finding(
        code, cause: "The certificate is due, but certctl waits after repeated failures.",
        effect: "The timer makes no attempt before the time in the message.",
        cure: "Fix the cause of the failures, then run certctl renew NAME --force.")
    case .renewalPostponed:
      finding(
        code, cause: "The CA's rate limit is reached, or the CA is unreachable.",
        effect: "The certificate in use stays. The timer tries again later.",
        cure: "Nothing to do, unless the certificate expires soon: then use a fallback CA.")
    case .renewalLocked:
      finding(
        code, cause: "Another certctl process works on the certificate.",
        effect: "This run skipped the certificate.",
        cure: "Nothing to do.")
    case .expiresSoon:
      finding(
        code, cause: "The last quarter of the certificate's lifetime has begun without a renewal.",
        effect: "certctl renew exits with 1, so that monitoring notices.",
        cure: "Run certctl renew NAME and fix what it reports.")
    case .deploymentFailed:
      finding(
        code, cause: "A new certificate is stored, but a server does not serve it.",
        effect: "Servers keep the previous certificate; the next run deploys the new one again.",
        cure: "Run certctl nginx status, fix what it reports, then run certctl renew.")
    case .notDeployed:
      finding(
        code, cause: "The certificate is stored, but certctl has not reloaded a server for it yet.",
        effect: "Servers may still use the previous certificate.",
        cure: "Run certctl renew, or reload the server.")
    case .hookNotUsable:
      finding(
        code, cause: "A hook is not executable, is hidden, or can be changed by another user.",
        effect: "The hook does not run.",
        cure: "Follow the hint: usually chmod +x, or chown root and chmod go-w.")
    case .hookFailed:
      finding(
        code, cause: "A hook exited with an error or took too long.",
        effect: "The certificate is stored and deployed; only the hook's own work is missing.",
        cure: "Try the hook alone: certctl hook run NAME.")
    case .configurationRefused:
      finding(
        code, cause: "nginx -t rejects the configuration.",
        effect: "nginx keeps running with the configuration it loaded last, but cannot restart.",
        cure: "Fix the line that nginx names, then run certctl nginx test.")
    case .reloadFailed:
      finding(
        code, cause: "nginx did not load its configuration after the reload signal.",
        effect: "nginx keeps running with its previous configuration.",
        cure: "Read nginx's error log, fix the cause, then run certctl nginx reload.")
    case .nginxNotAsked:
      finding(
        code,
        cause: "The nginx binary or its configuration can be changed by a user other than "
          + "root.",
        effect: "certctl does not run or reload this nginx.",
        cure: "Make root the owner of the files that the message names.")
    case .notServed:
      finding(
        code, cause: "A TLS handshake with nginx returns another certificate, or fails.",
        effect: "Clients do not get the certificate in use.",
        cure: "Run certctl nginx reload; check the ssl_certificate paths of the server block.")
    case .siteChanged:
      finding(
        code, cause: "Somebody edited the site's file after certctl wrote it.",
        effect: "certctl no longer overwrites the file.",
        cure: "Keep it, or run certctl site add again with --force to replace it.")
    case .siteFilesMissing:
      finding(
        code, cause: "The site's file, or the link in sites-enabled, does not exist.",
        effect: "nginx does not serve the site after its next reload.",
        cure: "Run certctl site enable NAME.")
    case .siteUncertified:
      finding(
        code, cause: "The site's certificate is missing, has expired or does not cover all names.",
        effect: "Browsers show a warning.",
        cure: "Run certctl renew, or the certctl site add command again.")
    case .parametersUnusable:
      finding(
        code, cause: "The file does not hold DH parameters that nginx accepts.",
        effect: "nginx rejects its configuration with this file.",
        cure: "Create new parameters: certctl dhparam.")
    case .parametersWeak:
      finding(
        code, cause: "The DH parameters are short or are not a known safe group.",
        effect: "They work, but scanners lower their grade.",
        cure: "Create new parameters with certctl dhparam, or use ECDHE ciphers only.")
    case .recordMissing:
      finding(
        code, cause: "Not all name servers of the zone return the persistent record.",
        effect: "dns-persist-01 fails with the servers that lack the record.",
        cure: "Create the record as certctl dns-persist NAME shows it, then wait for propagation.")
    }
  }
}
