/// The shell functions that acme.sh's DNS scripts call, and the run of one script: `acme-shim.sh`.
///
/// A shell reads it from its standard input. Its arguments: the script's path, its name, `add` or
/// `rm`, the home of acme.sh, the domain that is proved, the record's name and its value. Without
/// arguments it only defines the functions.
enum AcmeShim {
  /// The script, as it is embedded in the binary.
  static let script = PackageResources.acme_shim_sh

  /// How a line of the output begins that the user should see although nothing failed.
  static let warningPrefix = "certctl-warning: "
}
