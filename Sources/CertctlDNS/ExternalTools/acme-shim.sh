#!/bin/sh
# The acme.sh functions that acme.sh DNS scripts call, and the code that runs such a script.
#
# This is a new implementation, based on the documentation and on the scripts; it contains no code
# of acme.sh. It uses only POSIX features, and never passes a secret as an argument.
#
# certctl embeds this file, and a shell reads it from standard input, so it is not needed on disk.
#
# usage: sh -s -- SCRIPT NAME add|rm ACMESH_HOME DOMAIN RECORD VALUE     runs NAME_add or NAME_rm
#        sh -s                                                          defines the functions only
#
# These warnings are off because shellcheck does not see the scripts: SC2034, variables that seem
# unused; SC2119 and SC2120, arguments that are never passed here.
# shellcheck shell=sh disable=SC2034,SC2119,SC2120

DEBUG_LEVEL_NONE=0
DEBUG_LEVEL_1=1
DEBUG_LEVEL_2=2
DEBUG_LEVEL_3=3
DEBUG_LEVEL_DEFAULT=1
NO_VALUE=no

# --- Messages. They go to standard error, because standard output may be captured as a result.

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

# Logs nothing, because some scripts pass their keys to it.
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

# --- Text queries. The second argument is a basic regular expression, as scripts expect.

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

# _getfield TEXT NUMBER [SEPARATOR]: if the field is empty, the one before it.
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
  # shellcheck disable=SC2004  # the value is an expression, not a number
  printf '%s' "$(($_certctl_sum))"
}

# --- Text conversions.

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

# Base64 to base64url, and back.
_url_replace() { tr '/+' '_-' | tr -d '= \r\n'; }
_durl_replace_base64() {
  _certctl_text=$(tr '_-' '/+' | tr -d '= \r\n')
  case $((${#_certctl_text} % 4)) in
    2) _certctl_text="$_certctl_text==" ;;
    3) _certctl_text="$_certctl_text=" ;;
  esac
  printf '%s' "$_certctl_text"
}

# Joins lines, and removes blanks around the colon between a key and a string, list or object.
_normalizeJson() {
  sed -e 's/^[[:blank:]]*//' | tr -d '\r\n' |
    sed -e 's/"[[:blank:]]*:[[:blank:]]*\(["{[]\)/":\1/g'
}

_json_encode() {
  sed -e 's/[\\"]/\\&/g' | awk '
    { gsub(/\t/, "\\t"); gsub(/\r/, "\\r"); if (NR > 1) printf "\\n"; printf "%s", $0 }'
}

_json_decode() { sed -e 's#\\\(["/\\]\)#\1#g'; }

# Names with non-ASCII letters require the program idn or idn2.
_is_idn() { [ -n "$(printf '%s' "$1" | LC_ALL=C tr -d '\001-\177')" ]; }

_idn() {
  if ! _is_idn "$1"; then
    printf '%s' "$1"
  elif _exists idn; then
    idn -a --quiet "$1" | tr -d '\r\n'
  elif _exists idn2; then
    idn2 "$1" | tr -d '\r\n'
  else
    _err "cannot convert the name $1: idn is not installed"
  fi
}

# --- Time, files, names.

_time() { date -u '+%s'; }
_utc_date() { date -u '+%Y-%m-%d %H:%M:%S'; }
_sleep() { sleep "$1"; }
_mktemp() { mktemp; }

# _sed_i [OPTION...] EXPRESSION FILE: edits the file in place, keeping its inode.
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
    _err "cannot look up $1: dig is not installed"
    return 1
  fi
  dig +short "$1" "$2"
}

# --- Binary encodings.

_base64() {
  if [ -n "${1-}" ]; then
    base64
  else
    base64 | tr -d '\r\n'
  fi
}

_dbase64() { tr -d ' \r\n' | base64 -d; }

_hex_dump() { od -A n -v -t x1 | tr -s ' \n' '  ' | sed -e 's/ *$//'; }

# The format consists of octal escapes only, so it is safe. printf is a shell builtin, so the bytes
# are not visible as arguments of a process.
_h2b() {
  # shellcheck disable=SC2059  # see above
  printf "$(
    tr -d -c '0-9A-Fa-f' | awk '
      function digit(c) { return index("0123456789abcdef", tolower(c)) - 1 }
      {
        for (i = 1; i < length($0); i += 2)
          printf "\\%03o", 16 * digit(substr($0, i, 1)) + digit(substr($0, i + 1, 1))
      }'
  )"
}

# --- Digests and signatures.

_certctl_openssl() {
  if ! _exists "${ACME_OPENSSL_BIN:-openssl}"; then
    _err "this script requires openssl, which is not installed"
    return 127
  fi
  "${ACME_OPENSSL_BIN:-openssl}" "$@"
}

_certctl_hex() { od -A n -v -t x1 | tr -d ' \n'; }

# _digest ALGORITHM [hex]
_digest() {
  if [ -n "${2-}" ]; then
    _certctl_openssl dgst "-$1" -binary | _certctl_hex
  else
    _certctl_openssl dgst "-$1" -binary | _base64
  fi
}

# _certctl_mask HEX BYTE: the exclusive or of each byte of HEX with BYTE.
_certctl_mask() {
  _certctl_left=$1
  while [ -n "$_certctl_left" ]; do
    _certctl_tail=${_certctl_left#??}
    printf '%02x' "$((0x${_certctl_left%"$_certctl_tail"} ^ $2))"
    _certctl_left=$_certctl_tail
  done
}

# _hmac ALGORITHM KEY_IN_HEX [hex]: computes RFC 2104 step by step, because openssl takes the key as
# an argument, which any user of this machine can read.
_hmac() {
  case "$1" in
    sha384 | sha512) _certctl_block=256 ;;
    *) _certctl_block=128 ;;
  esac
  _certctl_key=$(printf '%s' "$2" | tr -d ' ')
  if [ "${#_certctl_key}" -gt "$_certctl_block" ]; then
    _certctl_key=$(printf '%s' "$_certctl_key" | _h2b | _digest "$1" hex)
  fi
  while [ "${#_certctl_key}" -lt "$_certctl_block" ]; do _certctl_key="${_certctl_key}00"; done
  _certctl_sum=$({
    _certctl_mask "$_certctl_key" 0x36 | _h2b
    cat
  } | _digest "$1" hex)
  [ -n "$_certctl_sum" ] || return 1
  _certctl_sum=$({
    _certctl_mask "$_certctl_key" 0x5c
    printf '%s' "$_certctl_sum"
  } | _h2b | _digest "$1" hex)
  if [ -n "${3-}" ]; then
    printf '%s' "$_certctl_sum"
  else
    printf '%s' "$_certctl_sum" | _h2b
  fi
}

# _sign KEY_FILE ALGORITHM: the signature in base64. The algorithm may include openssl options.
_sign() {
  # shellcheck disable=SC2086  # openssl options must be split into words
  _certctl_openssl dgst -$2 -sign "$1" | _base64
}

_isRSA() { _certctl_openssl rsa -in "$1" -noout >/dev/null 2>&1; }

# --- HTTP. curl gets the URL and the header fields on standard input, and the body in a file that
# --- only this user can read.

_inithttp() { : >"$HTTP_HEADER"; }
_resethttp() { :; }

_certctl_quoted() { printf '%s' "$1" | tr -d '\r\n' | sed -e 's/[\\"]/\\&/g'; }

# _certctl_option NAME VALUE: a line of curl configuration; nothing for an empty value.
_certctl_option() {
  if [ -n "$2" ]; then printf '%s = "%s"\n' "$1" "$(_certctl_quoted "$2")"; fi
}

# _certctl_request URL METHOD CONNECT_TIMEOUT CONTENT_TYPE BODY_FILE: writes the body of the
# response to the file "answer"; for the method HEAD, the header fields.
_certctl_request() {
  : >"$HTTP_HEADER"
  : >"$_certctl_tmp/answer"
  if ! _exists curl; then
    _err "cannot send a request: curl is not installed"
    return 127
  fi
  {
    _certctl_option url "$1"
    case "$2" in
      GET) ;;
      HEAD) printf 'head\n' ;;
      *) _certctl_option request "$2" ;;
    esac
    [ -z "$5" ] || _certctl_option data-binary "@$5"
    [ -z "$4" ] || _certctl_option header "Content-Type: $4"
    for _certctl_field in "${_H1-}" "${_H2-}" "${_H3-}" "${_H4-}" "${_H5-}"; do
      _certctl_option header "$_certctl_field"
    done
    [ -n "${ACME_HTTP_NO_REDIRECTS-}" ] || printf 'location\n'
    [ -z "${HTTPS_INSECURE-}" ] || printf 'insecure\n'
    _certctl_option cacert "${CA_BUNDLE-}"
    _certctl_option capath "${CA_PATH-}"
    _certctl_option user-agent "${USER_AGENT-}"
    printf 'connect-timeout = %s\nmax-time = 300\n' "${3:-30}"
  } | curl --silent --show-error --globoff --dump-header "$HTTP_HEADER" \
    --output "$_certctl_tmp/answer" --config -
  _certctl_status=$?
  if [ "$_certctl_status" -ne 0 ]; then
    _err "cannot send $2 ${1%%\?*}: curl exit code $_certctl_status"
  fi
  return "$_certctl_status"
}

# _get URL [ONLY_HEADER] [CONNECT_TIMEOUT]
_get() {
  if [ -n "${2-}" ]; then
    _certctl_request "$1" HEAD "${3-}" '' '' || return
  else
    _certctl_request "$1" GET "${3-}" '' '' || return
  fi
  cat "$_certctl_tmp/answer"
}

# _post BODY URL [RESPONSE_IN_BASE64] [METHOD] [CONTENT_TYPE]
_post() {
  printf '%s' "$1" >"$_certctl_tmp/body"
  case "${4:-POST}" in
    HEAD) _certctl_request "$2" HEAD '' '' '' ;;
    *) _certctl_request "$2" "${4:-POST}" '' "${5-}" "$_certctl_tmp/body" ;;
  esac
  _certctl_status=$?
  rm -f "$_certctl_tmp/body"
  [ "$_certctl_status" -eq 0 ] || return "$_certctl_status"
  case "${3-}" in
    '' | false) cat "$_certctl_tmp/answer" ;;
    *) _base64 <"$_certctl_tmp/answer" ;;
  esac
}

# --- Settings: lines of NAME='value', parsed as text and never executed.

# _read_conf FILE NAME
_read_conf() {
  [ -r "$1" ] || return 0
  _certctl_text=$(_CERTCTL_NAME=$2 awk '
    BEGIN { wanted = ENVIRON["_CERTCTL_NAME"] "=" }
    { line = $0; sub(/^[ \t]*(export[ \t]+)?/, "", line) }
    index(line, wanted) == 1 { value = substr(line, length(wanted) + 1); found = 1 }
    END {
      if (!found) exit
      sub(/[ \t\r]+$/, "", value)
      first = substr(value, 1, 1)
      if (first == "\047") {
        value = substr(value, 2)
        sub(/\047$/, "", value)
        gsub(/\047\\\047\047/, "\047", value)
      } else if (first == "\"") {
        value = substr(value, 2)
        sub(/"$/, "", value)
        gsub(/\\"/, "\"", value)
      }
      print value
    }' "$1")
  case "$_certctl_text" in
    __ACME_BASE64__START_*__ACME_BASE64__END_)
      _certctl_text=${_certctl_text#__ACME_BASE64__START_}
      printf '%s' "${_certctl_text%__ACME_BASE64__END_}" | _dbase64
      ;;
    *) printf '%s' "$_certctl_text" ;;
  esac
}

# _certctl_rewrite FILE NAME [LINE]: adds or replaces the line of a setting, or removes it without
# LINE. It writes a new file and renames it, and locks the directory if flock is installed.
_certctl_rewrite() (
  file=$1
  if [ -L "$file" ]; then file=$(readlink -f "$file") || exit 1; fi
  folder=${file%/*}
  mkdir -p "$folder" 2>/dev/null || exit 1
  [ -w "$folder" ] || exit 1
  if _exists flock; then
    exec 9<"$folder" || exit 1
    flock -w 20 9 || exit 1
  fi
  new="$file.certctl-$$"
  [ -e "$file" ] || : >>"$file" || exit 1
  cp -p "$file" "$new" 2>/dev/null || exit 1
  if _CERTCTL_NAME=$2 _CERTCTL_LINE=${3-} awk '
    BEGIN { wanted = ENVIRON["_CERTCTL_NAME"] "="; line = ENVIRON["_CERTCTL_LINE"] }
    {
      text = $0
      sub(/^[ \t]*(export[ \t]+)?/, "", text)
      if (index(text, wanted) != 1) print
      else if (line != "" && !done) { print line; done = 1 }
    }
    END { if (line != "" && !done) print line }' "$file" >"$new" && mv -f "$new" "$file"; then
    exit 0
  fi
  rm -f "$new"
  exit 1
)

_certctl_unsaved() {
  if [ ! -e "$_certctl_tmp/unsaved" ]; then
    : >"$_certctl_tmp/unsaved"
    printf 'certctl-warning: cannot write %s: the settings saved by the script are lost\n' \
      "$1" >&2
  fi
}

# _save_conf FILE NAME VALUE [BASE64]: writes only if the value changes.
_save_conf() {
  case "$2" in
    '' | *[!A-Za-z0-9_.-]*)
      _err "cannot save a setting: '$2' is not a valid name"
      return
      ;;
  esac
  [ "$(_read_conf "$1" "$2")" != "$3" ] || return 0
  if [ -n "${4-}" ] || [ "$(printf '%s' "$3" | wc -l)" -gt 0 ]; then
    _certctl_text="__ACME_BASE64__START_$(printf '%s' "$3" | _base64)__ACME_BASE64__END_"
  else
    _certctl_text=$(printf '%s' "$3" | sed -e "s/'/'\\\\''/g")
  fi
  _certctl_rewrite "$1" "$2" "$2='$_certctl_text'" || _certctl_unsaved "$1"
  return 0
}

# _clear_conf FILE NAME
_clear_conf() {
  [ -r "$1" ] && grep -e "^[[:blank:]]*\(export[[:blank:]]*\)\{0,1\}$2=" "$1" >/dev/null ||
    return 0
  _certctl_rewrite "$1" "$2" || _certctl_unsaved "$1"
  return 0
}

_readaccountconf() { _read_conf "$ACCOUNT_CONF_PATH" "$1"; }
_saveaccountconf() { _save_conf "$ACCOUNT_CONF_PATH" "$@"; }
_clearaccountconf() { _clear_conf "$ACCOUNT_CONF_PATH" "$1"; }

_readaccountconf_mutable() { _readaccountconf "SAVED_$1"; }
_saveaccountconf_mutable() {
  _certctl_setting=$1
  shift
  _saveaccountconf "SAVED_$_certctl_setting" "$@"
  _clearaccountconf "$_certctl_setting"
}
_clearaccountconf_mutable() {
  _clearaccountconf "SAVED_$1"
  _clearaccountconf "$1"
}

_readdomainconf() { _read_conf "$DOMAIN_CONF" "$1"; }
_savedomainconf() { _save_conf "$DOMAIN_CONF" "$@"; }
_cleardomainconf() { _clear_conf "$DOMAIN_CONF" "$1"; }

# Settings without the prefix SAVED_ become shell variables, unless the environment sets them.
_certctl_load_settings() {
  [ -r "$ACCOUNT_CONF_PATH" ] || return 0
  sed -n -e 's/^[[:blank:]]*//' -e 's/^export[[:blank:]][[:blank:]]*//' \
    -e 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' "$ACCOUNT_CONF_PATH" >"$_certctl_tmp/names"
  while IFS= read -r _certctl_setting; do
    case "$_certctl_setting" in
      SAVED_* | PATH | IFS | ENV | HOME | TMPDIR | LD_* | _certctl_* | HTTP_HEADER) continue ;;
      LE_WORKING_DIR | LE_CONFIG_HOME | ACCOUNT_CONF_PATH | DOMAIN_CONF) continue ;;
    esac
    eval "_certctl_text=\${$_certctl_setting+set}"
    [ -z "$_certctl_text" ] || continue
    eval "$_certctl_setting=\$(_read_conf \"\$ACCOUNT_CONF_PATH\" \"\$_certctl_setting\")"
    if grep -e "^[[:blank:]]*export[[:blank:]]*$_certctl_setting=" \
      "$ACCOUNT_CONF_PATH" >/dev/null; then
      export "${_certctl_setting?}"
    fi
  done <"$_certctl_tmp/names"
}

# The settings file of acme.sh for this domain or a parent domain; otherwise a file of certctl.
_certctl_domain_conf() {
  _certctl_name=$1
  while :; do
    for _certctl_folder in "$_certctl_name" "${_certctl_name}_ecc"; do
      DOMAIN_CONF=$LE_CONFIG_HOME/$_certctl_folder/$_certctl_name.conf
      [ ! -f "$DOMAIN_CONF" ] || return 0
    done
    case "$_certctl_name" in
      *.*) _certctl_name=${_certctl_name#*.} ;;
      *) break ;;
    esac
  done
  DOMAIN_CONF=$LE_CONFIG_HOME/certctl/$1.conf
}

# --- Main program.

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
  # shellcheck disable=SC1090  # the user's script
  . "$_certctl_script"
  if ! _exists "$_certctl_function"; then
    case "$_certctl_function" in
      *_rm)
        printf 'certctl-warning: cannot remove the TXT record %s: no function %s\n' "$1" \
          "$_certctl_function" >&2
        exit 0
        ;;
    esac
    _err "the script has no function $_certctl_function"
    exit 1
  fi
  "$_certctl_function" "$1" "$2"
}

# A script may write to its working directory, so that is a temporary one. Its standard input is
# /dev/null, because the shell reads this file from its own.
if [ "$#" -gt 0 ]; then
  _certctl_main "$@" </dev/null
  exit "$?"
fi
