/// The shell functions that acme.sh's DNS scripts call and do not define themselves.
///
/// Written from the documented behaviour and from what the scripts do with it; no text of acme.sh is
/// in it. A shell reads it from its standard input, so that nothing has to lie on a disk.
enum AcmeShim {
  /// The functions alone.
  static let functions = textFunctions + cryptoFunctions + httpFunctions + settingsFunctions

  /// The whole text: the functions, and the run of one script.
  ///
  /// Its arguments: the script's path, its name, `add` or `rm`, the home of acme.sh, the domain that
  /// is proved, the record's name and its value.
  static let text = functions + run

  /// How a line of the output begins that the user should see although nothing failed.
  static let warningPrefix = "certctl-warning: "

  /// The run of one script.
  ///
  /// It may write where it stands, so it stands in a folder that goes away with it. What it reads
  /// from its standard input must not be this text.
  private static let run = #"""
    # --- One run.

    _certctl_prepare() {
      umask 077
      LE_WORKING_DIR=$1
      LE_CONFIG_HOME=${LE_CONFIG_HOME:-$1}
      ACCOUNT_CONF_PATH=${ACCOUNT_CONF_PATH:-$LE_CONFIG_HOME/account.conf}
      export LE_WORKING_DIR LE_CONFIG_HOME
      _certctl_tmp=$(mktemp -d) || exit 70
      trap 'cd /; rm -rf "$_certctl_tmp"' EXIT
      trap 'exit 143' HUP INT TERM
      TMPDIR=$_certctl_tmp
      export TMPDIR
      HTTP_HEADER=$_certctl_tmp/header
      _inithttp
      cd "$_certctl_tmp" || exit 70
      _certctl_load_settings
      USER_AGENT=${USER_AGENT:-certctl}
      _certctl_domain_conf "$2"
    }

    _certctl_main() {
      _certctl_script=$1
      _certctl_function=$2_$3
      _certctl_prepare "$4" "$5"
      shift 5
      . "$_certctl_script"
      if ! _exists "$_certctl_function"; then
        case "$_certctl_function" in
          *_rm)
            printf 'certctl-warning: it cannot remove records: the one of %s stays\n' "$1" >&2
            exit 0
            ;;
        esac
        _err "the script has no function $_certctl_function"
        exit 1
      fi
      "$_certctl_function" "$1" "$2"
    }

    _certctl_main "$@" </dev/null
    exit "$?"

    """#
}
