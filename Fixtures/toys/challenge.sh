#!/bin/bash
# A challenge type of its own: one file and one line. No CA has toy-01, so nginx stands before Pebble and
# calls http-01 by that name; the key authorizations of the toy box are served where http-01 looks.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
: "${CERTCTL:?}" "${TOY:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/certctl-toy-XXXXXX")
# shellcheck source=scripts/loopback
. scripts/loopback

# One new file, and one line in another.
changes=$(git apply --numstat "$TOY" | sort -n | cut -f 1,2 | tr '\t\n' ' ;')
case $changes in
  '1 0;'[0-9]*' 0;') ;;
  *) fail "the patch is more than one line and one file: $changes" ;;
esac

# refused WORDS ARGUMENT...: certctl refuses these arguments, with these words.
refused() {
  local words=$1 status=0
  shift
  "$CERTCTL" issue --agree-tos --state-dir "$work/state" "$@" >"$work/refused.txt" 2>&1 || status=$?
  [ "$status" -ne 0 ] || fail "not refused: $*"
  grep -qF -- "$words" "$work/refused.txt" || fail "'$words' is not said of: $*" "$work/refused.txt"
}

mkdir "$work/box" "$work/other-box" "$work/nginx"
toy=(--challenge toy-01)
step "Help and checks know the type"
"$CERTCTL" issue --help >"$work/help.txt"
tr -s ' \n' ' ' <"$work/help.txt" | grep -qF 'tls-alpn-01, toy-01.' ||
  fail "--challenge has no toy-01"
tr -s ' \n' ' ' <"$work/help.txt" | grep -qF 'http-01 and toy-01 files' ||
  fail "--webroot has no toy-01"
refused 'toy-01 requires a webroot' a.example "${toy[@]}"
refused 'with toy-01' '*.a.example' "${toy[@]}" --webroot "$work/box"
refused '--tls-port with toy-01' a.example "${toy[@]}" --webroot "$work/box" --tls-port 9
refused 'http-01, tls-alpn-01, toy-01' a.example --challenge toy-02

start_ca
step "Starting nginx before it"
pick_port && front_port=$port
user=''
# Workers of a root master would run as a user who may not enter the temporary folder.
if [ "$(id -u)" -eq 0 ]; then user='user root;'; fi
cat >"$work/nginx/nginx.conf" <<END
daemon off;
$user
worker_processes 1;
pid nginx.pid;
error_log error.log notice;
events {}
http {
  access_log access.log;
  client_body_temp_path tmp-body;
  proxy_temp_path tmp-proxy;
  fastcgi_temp_path tmp-fastcgi;
  uwsgi_temp_path tmp-uwsgi;
  scgi_temp_path tmp-scgi;
  server {
    listen 127.0.0.1:$front_port ssl;
    ssl_certificate $work/ca-server.pem;
    ssl_certificate_key $work/ca-server-key.pem;
    location / {
      proxy_pass https://127.0.0.1:$ca_port;
      proxy_set_header Host \$http_host;
      proxy_set_header Accept-Encoding "";
      sub_filter_types application/json application/problem+json;
      sub_filter_once off;
      sub_filter '"http-01"' '"toy-01"';
    }
  }
  server {
    listen 127.0.0.1:$http_port;
    location /.well-known/acme-challenge/ { alias $work/box/; }
  }
}
END
nginx -p "$work/nginx" -c "$work/nginx/nginx.conf" -e "$work/nginx/error.log" \
  >"$work/nginx/output.log" 2>&1 &
children+=($!)
wait_for nginx "$!" "$work/nginx/error.log" accepts "$front_port"

here=(--ca "https://127.0.0.1:$front_port/dir" --ca-bundle "$work/ca-server.pem")
step "certctl issue a.example --challenge toy-01"
"$CERTCTL" issue a.example "${toy[@]}" --webroot "$work/box" "${here[@]}" --agree-tos \
  --state-dir "$work/state" >"$work/issue.txt" 2>&1 || fail "no certificate" "$work/issue.txt"
openssl x509 -noout -ext subjectAltName -in "$work/state/live/a.example/cert.pem" |
  grep -qF DNS:a.example || fail "the certificate is for another name"
grep -qE '"GET /.well-known/acme-challenge/[^ ]+ HTTP/1.1" 200' "$work/nginx/access.log" ||
  fail "the CA did not look into the box" "$work/nginx/access.log"
[ -z "$(ls "$work/box")" ] || fail "something stayed in the box: $(ls "$work/box")"

step "A refusal comes with the type's own advice"
refused 'look into the toy box' b.example "${toy[@]}" --webroot "$work/other-box" "${here[@]}"
[ -z "$(ls "$work/other-box")" ] || fail "something stayed in the box after a refusal"
