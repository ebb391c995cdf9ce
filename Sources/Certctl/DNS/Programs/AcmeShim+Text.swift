extension AcmeShim {
  /// What scripts say, and how they take text apart.
  static let textFunctions = #"""
    # shellcheck shell=sh disable=SC1090,SC2004,SC2034,SC2059,SC2119,SC2120,SC2154,SC2317
    # Functions for DNS scripts that were written for acme.sh, by certctl. They keep the behaviour
    # that such scripts count on; only what POSIX has is used, and no secret is an argument.

    DEBUG_LEVEL_NONE=0
    DEBUG_LEVEL_1=1
    DEBUG_LEVEL_2=2
    DEBUG_LEVEL_3=3
    DEBUG_LEVEL_DEFAULT=1
    NO_VALUE=no

    # --- Words for people. They go to standard error, since what a function prints may be caught
    # --- as its result.

    _printargs() {
      if [ "$#" -lt 2 ]; then
        printf '%s\n' "${1-}" >&2
      else
        printf "%s='%s'\n" "$1" "$2" >&2
      fi
    }

    _info() { _printargs "$@"; }

    _err() {
      _printargs "$@"
      return 1
    }

    _usage() { _err "$@"; }

    # Nothing is logged: some scripts hand their keys to it.
    _log() { :; }

    _certctl_debug() {
      _certctl_level=$1
      shift
      if [ "${DEBUG:-0}" -ge "$_certctl_level" ] 2>/dev/null; then _printargs "$@"; fi
      return 0
    }

    _debug() { _certctl_debug 1 "$@"; }
    _debug2() { _certctl_debug 2 "$@"; }
    _debug3() { _certctl_debug 3 "$@"; }
    _secure_debug() { _certctl_debug 1 "${1-}" '[hidden]'; }
    _secure_debug2() { _certctl_debug 2 "${1-}" '[hidden]'; }
    _secure_debug3() { _certctl_debug 3 "${1-}" '[hidden]'; }

    __green() { printf '%s' "$*"; }
    __red() { printf '%s' "$*"; }
    __yellow() { printf '%s' "$*"; }

    # --- Looking at text. The second argument is a basic regular expression, as scripts expect.

    _contains() { printf '%s\n' "$1" | grep -e "$2" >/dev/null 2>&1; }
    _startswith() { printf '%s\n' "$1" | grep -e "^$2" >/dev/null 2>&1; }
    _endswith() { printf '%s\n' "$1" | grep -e "$2\$" >/dev/null 2>&1; }
    _egrep_o() { grep -E -o -e "$1" 2>/dev/null; }
    _head_n() { head -n "$1"; }
    _tail_n() { tail -n "$1"; }

    _exists() {
      [ -n "${1-}" ] || return 1
      command -v "$1" >/dev/null 2>&1
    }

    # _hasfield TEXT FIELD [SEPARATOR]
    _hasfield() {
      [ -n "${2-}" ] || return 1
      case "${3:-,}$1${3:-,}" in
        *"${3:-,}$2${3:-,}"*) return 0 ;;
      esac
      return 1
    }

    # _getfield TEXT NUMBER [SEPARATOR]: an empty field stands for the one before it.
    _getfield() {
      [ -n "${2-}" ] || return 1
      _certctl_number=$2
      while [ "$_certctl_number" -gt 0 ]; do
        _certctl_text=$(printf '%s\n' "$1" | cut -d "${3:-,}" -f "$_certctl_number")
        if [ -n "$_certctl_text" ]; then
          printf '%s' "$_certctl_text"
          return 0
        fi
        _certctl_number=$((_certctl_number - 1))
      done
    }

    _math() {
      _certctl_sum="$*"
      printf '%s' "$(($_certctl_sum))"
    }

    # --- Changing text.

    _upper_case() { tr 'abcdefghijklmnopqrstuvwxyz' 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'; }
    _lower_case() { tr 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' 'abcdefghijklmnopqrstuvwxyz'; }

    # _url_encode [upper-hex]
    _url_encode() {
      od -A n -v -t x1 | awk -v how="${1-}" '
        BEGIN {
          for (i = 33; i < 127; i++) {
            c = sprintf("%c", i)
            if (c ~ /[A-Za-z0-9._~-]/) plain[sprintf("%02x", i)] = c
          }
        }
        {
          for (i = 1; i <= NF; i++) {
            if ($i in plain) printf "%s", plain[$i]
            else printf "%%%s", (how == "upper-hex" ? toupper($i) : $i)
          }
        }'
    }

    _url_decode() {
      od -A n -v -t x1 | tr ' ' '\n' | awk '
        function isdigit(h) { return h ~ /^(3[0-9]|[46][1-6])$/ }
        function value(h) { return h ~ /^3/ ? substr(h, 2, 1) : substr("abcdef", substr(h, 2, 1), 1) }
        NF { all[++n] = $1 }
        END {
          for (i = 1; i <= n; i++) {
            if (all[i] == "25" && isdigit(all[i + 1]) && isdigit(all[i + 2])) {
              printf "%s%s", value(all[i + 1]), value(all[i + 2])
              i += 2
            } else printf "%s", all[i]
          }
        }' | _h2b
    }

    # Base64 as tokens have it, and back.
    _url_replace() { tr '/+' '_-' | tr -d '= \r\n'; }
    _durl_replace_base64() {
      _certctl_text=$(tr '_-' '/+' | tr -d '= \r\n')
      case $((${#_certctl_text} % 4)) in
        2) _certctl_text="$_certctl_text==" ;;
        3) _certctl_text="$_certctl_text=" ;;
      esac
      printf '%s' "$_certctl_text"
    }

    # One line, without blanks around the colon between a name and a text, list or object.
    _normalizeJson() {
      sed -e 's/^[[:blank:]]*//' | tr -d '\r\n' |
        sed -e 's/"[[:blank:]]*:[[:blank:]]*\(["{[]\)/":\1/g'
    }

    _json_encode() {
      sed -e 's/[\\"]/\\&/g' | awk '
        { gsub(/\t/, "\\t"); gsub(/\r/, "\\r"); if (NR > 1) printf "\\n"; printf "%s", $0 }'
    }

    _json_decode() { sed -e 's#\\\(["/\\]\)#\1#g'; }

    # Names with letters beyond ASCII need the program idn.
    _is_idn() { [ -n "$(printf '%s' "$1" | LC_ALL=C tr -d '\001-\177')" ]; }

    _idn() {
      if ! _is_idn "$1"; then
        printf '%s' "$1"
      elif _exists idn; then
        idn -a --quiet "$1" | tr -d '\r\n'
      elif _exists idn2; then
        idn2 "$1" | tr -d '\r\n'
      else
        _err "the name $1 needs the program idn, which is not installed"
      fi
    }

    # --- Time, files, names.

    _time() { date -u '+%s'; }
    _utc_date() { date -u '+%Y-%m-%d %H:%M:%S'; }
    _sleep() { sleep "$1"; }
    _mktemp() { mktemp; }

    # _sed_i [OPTION...] EXPRESSION FILE: the file stays the same file.
    _sed_i() {
      for _certctl_file in "$@"; do :; done
      _certctl_new=$(mktemp) || return 1
      sed "$@" >"$_certctl_new" && cat "$_certctl_new" >"$_certctl_file"
      _certctl_status=$?
      rm -f "$_certctl_new"
      return "$_certctl_status"
    }

    # _ns_lookup NAME TYPE
    _ns_lookup() {
      if ! _exists dig; then
        _err "this script looks up names: install dig"
        return 1
      fi
      dig +short "$1" "$2"
    }

    """#
}
