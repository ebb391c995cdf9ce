/// Fixed inputs.
enum Samples {
  /// The certificate of RFC 9773, appendix A: serial number with a leading 00, dates in year 1.
  static let renewalInfo = """
    -----BEGIN CERTIFICATE-----
    MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
    cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
    BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
    7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
    qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
    yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
    +FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
    -----END CERTIFICATE-----

    """

  /// A P-256 key (the number 49350) whose x and y coordinates start with a zero byte.
  static let keyWithShortCoordinates = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAA
    AAAAAAAAAAAAAAAAAAAAAAAAwMahRANCAAQAIGJPfbKUggwxohsQom6OGQU9gUdH
    pveg6JFr4imZtQDqJ/L4+iER2dtzj82c5+knulEvIP6fDFqkCZwb2FAC
    -----END PRIVATE KEY-----

    """

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
