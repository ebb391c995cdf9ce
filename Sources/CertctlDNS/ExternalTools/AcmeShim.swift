/// The shell script `acme-shim.sh`, which runs a DNS script of acme.sh.
///
/// It defines the functions of acme.sh that the DNS script calls.
///
/// A shell reads it from standard input. The arguments are the path and the name of the script,
/// `add` or `rm`, the home of acme.sh, the domain of the challenge, the name and the value of the
/// record. Without arguments it only defines the functions.
enum AcmeShim {
  /// The script, as it is embedded in the binary.
  static let script = PackageResources.acme_shim_sh

  /// The prefix of output lines that are warnings for the user.
  static let warningPrefix = "certctl-warning: "
}
