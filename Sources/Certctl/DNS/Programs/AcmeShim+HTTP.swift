extension AcmeShim {
  /// Requests by curl.
  static let httpFunctions = #"""
    # --- HTTP. Address and header fields reach curl by its standard input, the body by a file that
    # --- only this user can read.

    _inithttp() { : >"$HTTP_HEADER"; }
    _resethttp() { :; }

    _certctl_quoted() { printf '%s' "$1" | tr -d '\r\n' | sed -e 's/[\\"]/\\&/g'; }

    # _certctl_option NAME VALUE: a line for curl; nothing for an empty value.
    _certctl_option() {
      if [ -n "$2" ]; then printf '%s = "%s"\n' "$1" "$(_certctl_quoted "$2")"; fi
    }

    # _certctl_request URL METHOD CONNECT_TIMEOUT CONTENT_TYPE BODY_FILE: the answer's body is in
    # the file "answer" then. A method of HEAD brings the header fields instead.
    _certctl_request() {
      : >"$HTTP_HEADER"
      : >"$_certctl_tmp/answer"
      if ! _exists curl; then
        _err "the program curl is not installed"
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
        _err "curl ended with exit code $_certctl_status for $2 ${1%%\?*}"
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

    # _post BODY URL [ANSWER_IN_BASE64] [METHOD] [CONTENT_TYPE]
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

    """#
}
