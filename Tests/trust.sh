#!/bin/bash
# Tests certctl as root with fake nginx processes, and with an nginx whose files another user can
# change: certctl runs, signals and reads nothing of that user.
#
#   Tests/trust.sh [CERTCTL]                 (as root; default: .build/debug/certctl)
#
# Everything runs in a separate process namespace, so that no other certctl finds these processes.
# Exits with 0 on success and 1 on failure. Exits with 77, after a line with the reason, if the test
# cannot run here.
set -eu

skip() {
  echo "cannot be tried here: $*"
  exit 77
}

if [ "${CERTCTL_TRUST_INSIDE:-}" != yes ]; then
  [ "$(id -u)" -eq 0 ] || skip "only root has something to lose"
  for program in nginx pebble pebble-challtestsrv openssl curl setpriv unshare perl python3 su; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
  unshare --pid --fork --mount --mount-proc true 2>/dev/null || skip "the kernel gives no namespace"
  binary=$(realpath "${1:-$(dirname "$0")/../.build/debug/certctl}")
  CERTCTL_TRUST_INSIDE=yes exec unshare --pid --fork --kill-child --mount --mount-proc "$0" "$binary"
fi

binary=$1
mallory=65534
work=$(mktemp -d)
chmod 0755 "$work"
failed=0
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"; [ "$failed" -eq 0 ]' EXIT
export CERTCTL_STATE_DIR=$work/state HOME=/root
home=$work/mallory
own=$work/nginx

# --- Words ---------------------------------------------------------------------------------------

expect() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf 'ok    %s\n' "$what"
  else
    failed=$((failed + 1))
    printf ' FAIL  %s\n%s\n' "$what" "$output"
  fi
}

not() { ! "$@"; }
is() { [ "$1" = "$2" ] || { echo "'$1' instead of '$2'"; return 1; }; }
says() { grep -qF -- "$2" <<<"$1" || { echo "no '$2' in:"; echo "$1"; return 1; }; }
ends_with() { [ "$code" = "$1" ] || { echo "exit code $code instead of $1:"; echo "$said"; return 1; }; }
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
soon() {
  local waited=0
  until "$@" >/dev/null 2>&1; do
    waited=$((waited + 1))
    [ "$waited" -lt 300 ] || return 1
    sleep 0.1
  done
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# Runs certctl; output in $said, exit code in $code.
certctl() {
  code=0
  said=$("$binary" "$@" 2>&1) || code=$?
}

# nothing_ran WHAT: expects that nothing of the other user was executed or opened.
nothing_ran() {
  expect "$1: nothing of another user's was run" \
    is "$(find "$home" -newer "$work/before" ! -user "$mallory" 2>/dev/null)$(cat "$work/ran" 2>/dev/null)" ""
}

# --- Processes -------------------------------------------------------------------------------------

# as_mallory TITLE PROGRAM...: runs a program as mallory with this process title.
as_mallory() {
  local title=$1
  shift
  # shellcheck disable=SC2016
  setpriv --reuid "$mallory" --regid "$mallory" --clear-groups \
    bash -c 'title=$0; exec -a "$title" "$@"' "$title" "$@" </dev/null >/dev/null 2>&1 &
}
# as_root TITLE PROGRAM...: the same as root, like a setuid program that has become root completely.
as_root() {
  local title=$1
  shift
  # shellcheck disable=SC2016
  bash -c 'title=$0; exec -a "$title" "$@"' "$title" "$@" </dev/null >/dev/null 2>&1 &
}

# are_named COUNT: whether this many processes have the title of nginx.
are_named() { is "$(pgrep -c -f '^nginx: master process' || true)" "$1"; }

impostors() {
  mkdir "$home"
  printf '#!/bin/sh\nid >>%s\n' "$work/ran" >"$home/evil"
  chmod 0755 "$home/evil"
  # An nginx that runs with this configuration writes the log, as its user.
  printf 'error_log %s/log; pid %s/pid; events {}\n' "$home" "$home" >"$home/evil.conf"
  cp /usr/bin/sleep "$home/nginx"
  # For su, a setuid program of root that waits for a password.
  mkfifo "$work/password"
  chown "$mallory" "$work/password"
  chown -R "$mallory:$mallory" "$home"
  touch "$work/before"
  : >"$work/ran"
  chmod 0666 "$work/ran"

  as_mallory "nginx: master process $home/evil" sleep 600
  as_mallory "nginx: master process $nginx -c $home/evil.conf" sleep 600
  as_mallory "nginx: master process $home/nginx" "$home/nginx" 600
  # shellcheck disable=SC2016
  as_mallory x perl -e 'while (1) {
      $0 = "nginx: master process '"$nginx"' -c '"$own"'/nginx.conf";
      $0 = "nginx: master process '"$home"'/evil";
    }'
  # shellcheck disable=SC2016
  setpriv --reuid "$mallory" --clear-groups bash -c \
    'exec -a "nginx: master process $0 -c $1/evil.conf" su <>"$2" >/dev/null 2>&1' \
    "$nginx" "$home" "$work/password" &
  # shellcheck disable=SC2016
  setpriv --reuid "$mallory" --clear-groups bash -c \
    'exec -a "nginx: master process /usr/bin/su -c $1/evil" su <>"$2" >/dev/null 2>&1' \
    "$nginx" "$home" "$work/password" &
  as_root "nginx: master process $home/evil" sleep 600
  as_root "nginx: master process $nginx -c $home/evil.conf" sleep 600
  as_root "nginx: master process $nginx -c $own/nginx.conf -g load_module $home/evil.so;" sleep 600
  soon are_named 9
}

servers() {
  http=$(free_port) https=$(free_port) acme=$(free_port) management=$(free_port) dns=$(free_port)
  dns_management=$(free_port)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=CA \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
  cat >"$work/pebble.json" <<END
{"pebble": {"listenAddress": "127.0.0.1:$acme", "managementListenAddress": "127.0.0.1:$management",
  "certificate": "$work/ca.pem", "privateKey": "$work/ca.key", "httpPort": $http, "tlsPort": $https,
  "ocspResponderURL": "", "externalAccountBindingRequired": false}}
END
  pebble-challtestsrv -defaultIPv6 "" -dns01 "127.0.0.1:$dns" -http01 "" -https01 "" \
    -tlsalpn01 "" -management "127.0.0.1:$dns_management" >"$work/names.log" 2>&1 &
  PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -config "$work/pebble.json" \
    -dnsserver "127.0.0.1:$dns" >"$work/pebble.log" 2>&1 &
  mkdir -p "$own/web"
  main_file >"$own/nginx.conf"
  "$nginx" -p "$own" -c "$own/nginx.conf" -e "$own/error.log" >"$work/nginx.log" 2>&1 &
  soon answers "$http"
  soon answers "$acme"
  master=$(cat "$own/nginx.pid")
}

main_file() {
  cat <<END
daemon off;
user root;
pid $own/nginx.pid;
error_log $own/error.log;
${1:-}
events {}
http {
  access_log off;
  client_body_temp_path $own/t1; proxy_temp_path $own/t2; fastcgi_temp_path $own/t3;
  uwsgi_temp_path $own/t4; scgi_temp_path $own/t5;
  server {
    listen $http;
    location ^~ /.well-known/acme-challenge/ { root web; }
  }
  include $own/*.site;
}
END
}

tls_site() {
  cat <<END
server {
  listen $https ssl;
  ssl_certificate $CERTCTL_STATE_DIR/live/web.test/fullchain.pem;
  ssl_certificate_key $CERTCTL_STATE_DIR/live/web.test/privkey.pem;
}
END
}

ca() { echo --ca "https://127.0.0.1:$acme/dir" --ca-bundle "$work/ca.pem" --agree-tos; }
# shellcheck disable=SC2046
issue() { certctl issue "$@" $(ca) --webroot "$own/web"; }
served() {
  openssl s_client -connect "127.0.0.1:$https" </dev/null 2>/dev/null | openssl x509 -noout -serial
}
serves_what_is_kept() { is "$(served)" "$(kept)"; }
kept() { openssl x509 -noout -serial <"$CERTCTL_STATE_DIR/live/web.test/cert.pem"; }

# --- Stories ---------------------------------------------------------------------------------------

only_impostors() {
  for action in status test reload; do
    certctl nginx "$action"
    expect "nginx $action finds none" ends_with 1
    nothing_ran "nginx $action"
  done
  expect "each is named with its process and user" says "$said" "of nobody ($mallory)"
  expect "and the one of root that executes something else" says "$said" "but it runs /usr/bin/sleep"
  # shellcheck disable=SC2046
  certctl site add app.test http://127.0.0.1:1 $(ca)
  expect "site add has no nginx" ends_with 1
  nothing_ran "site add"
}

beside_a_true_one() {
  certctl nginx status
  expect "the true nginx is well" ends_with 0
  expect "and is shown" says "$said" "process $master"
  nothing_ran "nginx status"
  issue web.test
  expect "issue succeeds" ends_with 0
  tls_site >"$own/tls.site"
  certctl nginx reload
  expect "the true nginx is reloaded" ends_with 0
  expect "and serves the certificate" soon serves_what_is_kept
  issue web.test --force
  expect "a deployment succeeds" ends_with 0
  expect "and is served" is "$(served)" "$(kept)"
  nothing_ran "issue"
  certctl renew web.test --force
  expect "renew succeeds" ends_with 0
  expect "and is served" is "$(served)" "$(kept)"
  nothing_ran "renew"
  # shellcheck disable=SC2046
  certctl site add app.test http://127.0.0.1:1 --nginx-dir "$own" --listen-http "$http" \
    --listen-https "$https" $(ca)
  expect "site add succeeds" ends_with 0
  nothing_ran "site add"
  certctl site remove app.test
  expect "none of them was signalled" are_named 10
}

# refused WHY TEXT: expects certctl to refuse the real nginx, with TEXT, and to deploy nothing.
refused() {
  certctl nginx status
  expect "$1: status fails" ends_with 1
  expect "$1: and says why" says "$said" "$2"
  certctl nginx reload
  expect "$1: it is not reloaded" ends_with 1
  local before
  before=$(served)
  certctl renew web.test --force
  expect "$1: the renewal says that it is not served" ends_with 1
  expect "$1: and that nginx was not asked" says "$said" "cannot check nginx"
  expect "$1: what was served is served" is "$(served)" "$before"
  certctl delete web.test
  expect "$1: what it may use is not deleted" says "$said" "perhaps an nginx"
}

files_of_others() {
  chown "$mallory" "$own/nginx.conf"
  refused "a main file of another user" "$own/nginx.conf belongs to nobody ($mallory)"
  chown root "$own/nginx.conf"
  chmod 0777 "$own"
  refused "a folder that all can write" "$own can be written by everybody"
  chmod 0755 "$own"
  printf 'load_module %s/evil.so;\n' "$home" >"$home/module.conf"
  chown "$mallory" "$home/module.conf"
  main_file "include $home/module.conf;" >"$own/nginx.conf"
  refused "a file that could load modules" "$home belongs to nobody"
  main_file "load_module $home/evil.so;" >"$own/nginx.conf"
  refused "a module of another user" "$home belongs to nobody"
  main_file "load_module $work/none/evil.so;" >"$own/nginx.conf"
  main_file >"$own/nginx.conf"
  certctl renew web.test
  expect "when that is put right, the next run deploys" ends_with 0
  expect "and it is served" is "$(served)" "$(kept)"
  # A user whose file root includes inside a block has root's trust.
  printf '# theirs\n' >"$home/own.site"
  chown "$mallory" "$home/own.site"
  ln -s "$home/own.site" "$own/theirs.site"
  certctl nginx status
  expect "a server of another user's is root's choice" ends_with 0
  expect "but it is named" says "$said" "which other users can change"
  rm "$own/theirs.site"
  nothing_ran "files of others"
}

nginx=$(realpath "$(command -v nginx)")
impostors
acme=1
only_impostors
servers
beside_a_true_one
files_of_others
echo "$failed failed"
