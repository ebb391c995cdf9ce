extension AcmeShim {
  /// Digests, signatures, and bytes as text.
  static let cryptoFunctions = #"""
    # --- Bytes as text.

    _base64() {
      if [ -n "${1-}" ]; then
        base64
      else
        base64 | tr -d '\r\n'
      fi
    }

    _dbase64() { tr -d ' \r\n' | base64 -d; }

    _hex_dump() { od -A n -v -t x1 | tr -s ' \n' '  ' | sed -e 's/ *$//'; }

    # Octal escapes only, so that the text is safe as a format; printf is part of the shell, and no
    # other process sees it.
    _h2b() {
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
        _err "this script needs the program openssl, which is not installed"
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

    # _certctl_mask HEX BYTE: each byte of the first with the second, by exclusive or.
    _certctl_mask() {
      _certctl_left=$1
      while [ -n "$_certctl_left" ]; do
        _certctl_tail=${_certctl_left#??}
        printf '%02x' "$((0x${_certctl_left%"$_certctl_tail"} ^ $2))"
        _certctl_left=$_certctl_tail
      done
    }

    # _hmac ALGORITHM KEY_IN_HEX [hex]: RFC 2104 step by step, because the program openssl takes
    # the key as an argument, which everybody on this machine could read.
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

    # _sign KEY_FILE ALGORITHM: base64. The algorithm may bring options of openssl with it.
    _sign() {
      # shellcheck disable=SC2086
      _certctl_openssl dgst -$2 -sign "$1" | _base64
    }

    _isRSA() { _certctl_openssl rsa -in "$1" -noout >/dev/null 2>&1; }

    """#
}
