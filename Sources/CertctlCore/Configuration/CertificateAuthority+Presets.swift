extension CertificateAuthority {
  /// The CAs with a preset name.
  package static let presets: [CertificateAuthority] = [
    .init(
      name: "letsencrypt", title: "Let's Encrypt",
      directory: "https://acme-v02.api.letsencrypt.org/directory",
      dryRun: "letsencrypt-staging"),
    .init(
      name: "letsencrypt-staging", title: "Let's Encrypt (staging)",
      directory: "https://acme-staging-v02.api.letsencrypt.org/directory"),
    .init(
      name: "google", title: "Google Trust Services",
      directory: "https://dv.acme-v02.api.pki.goog/directory"),
    .init(name: "zerossl", title: "ZeroSSL", directory: "https://acme.zerossl.com/v2/DV90"),
    .init(
      name: "sslcom", title: "SSL.com", directory: "https://acme.ssl.com/sslcom-dv-ecc",
      rsaDirectory: "https://acme.ssl.com/sslcom-dv-rsa"),
    .init(
      name: "actalis", title: "Actalis",
      directory: "https://acme-api.actalis.com/acme/directory"),
  ]
}
