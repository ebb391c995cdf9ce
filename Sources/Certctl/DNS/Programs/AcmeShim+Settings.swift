extension AcmeShim {
  /// What scripts keep: in account.conf of the user's acme.sh, and per domain.
  static let settingsFunctions = #"""
    # --- Settings: lines of NAME='value', read as text and never run.

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

    # _certctl_rewrite FILE NAME [LINE]: one line put, replaced or (without LINE) taken away, by a
    # new file that is renamed. The folder is locked meanwhile, where the program flock is.
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
        printf 'certctl-warning: %s cannot be written: what the script wants to keep is lost\n' \
          "$1" >&2
      fi
    }

    # _save_conf FILE NAME VALUE [BASE64]: nothing is written when nothing changes.
    _save_conf() {
      case "$2" in
        '' | *[!A-Za-z0-9_.-]*)
          _err "a setting cannot be called $2"
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

    # Settings without SAVED_ are variables of the script, unless the environment has them.
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

    # The settings that acme.sh itself keeps for this domain or one above it, else a file of ours.
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

    """#
}
