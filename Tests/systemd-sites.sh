# shellcheck shell=bash
# The lifecycle of a site on a Debian host: nginx under systemd, the timer's service in its sandbox,
# Pebble as the CA. Sourced by Tests/systemd.sh in the booted system:
#
#   Tests/systemd.sh .build/debug/certctl Tests/systemd-sites.sh
#
# $here and functions such as expect and soon are defined in systemd.sh.
# shellcheck disable=SC2154

site=app.test
own=/etc/nginx/sites-available/$site.conf

ca=(--ca https://127.0.0.1:14000/dir --ca-bundle "$here/ca.pem" --agree-tos)

# Replaces this machine's nginx configuration with Debian's nginx.conf and default site.
debians_nginx() {
  rm -rf /etc/nginx/{sites-available,sites-enabled,conf.d,certctl,nginx.conf}
  mkdir /etc/nginx/{sites-available,sites-enabled,conf.d}
  cat >/etc/nginx/nginx.conf <<'END'
user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 768; }
http {
  include /etc/nginx/mime.types;
  access_log /var/log/nginx/access.log;
  include /etc/nginx/conf.d/*.conf;
  include /etc/nginx/sites-enabled/*;
}
END
  cat >/etc/nginx/sites-available/default <<'END'
server {
  listen 80 default_server;
  listen [::]:80 default_server;
  root /var/www/html;
  server_name _;
}
END
  ln -s ../sites-available/default /etc/nginx/sites-enabled/default
  find /etc/nginx -type f -exec sha256sum {} + | sort >"$here/nginx.before"
}

upstream() {
  mkdir -p "$here/app"
  echo "the application" >"$here/app/index.html"
  systemd-run --quiet --unit=app python3 -m http.server --bind 127.0.0.1 \
    --directory "$here/app" 8081
  soon 10 answers 8081
}

# A client that requests the site by its name.
visit() { curl -sS --cacert "$here/root.pem" --resolve "$site:443:127.0.0.1" "https://$site/$1"; }
leads() { curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H "Host: $site" "http://127.0.0.1/$1"; }
served() {
  openssl s_client -connect 127.0.0.1:443 -servername "$site" </dev/null 2>/dev/null | serial
}
serves_the_new() { [ -n "$(served)" ] && [ "$(served)" != "$1" ] && is "$(served)" "$(kept "$site")"; }
answers_by_https() { is "$(visit '')" "the application"; }
serves_nothing() { is "$(served 2>/dev/null)" ""; }
reloads() { journal -u nginx.service | grep -c "Reloaded nginx" || true; }
others_are_untouched() { sha256sum --quiet --check "$here/nginx.before"; }
main_process() { property nginx.service MainPID; }

a_site_is_added() {
  local reloads
  reloads=$(reloads)
  expect "site add succeeds on a host without a certificate" \
    certctl site add "$site" http://127.0.0.1:8081 "${ca[@]}"
  curl -sS --cacert "$here/ca.pem" https://127.0.0.1:15000/roots/0 >"$here/root.pem"
  expect "the site answers by HTTPS" answers_by_https
  expect "HTTP leads there" is "$(leads path)" "308 https://$site/path"
  expect "through the service manager" [ "$(reloads)" -gt "$reloads" ]
  expect "nginx was never restarted" is "$(main_process)" "$main"
  expect "what others wrote is as it was" others_are_untouched
  expect "nginx has no warnings" is "$(nginx -t -q 2>&1)" ""
  expect "the default site is served still" is \
    "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/none)" 404
  reloads=$(reloads)
  expect "the same again succeeds" \
    certctl site add "$site" http://127.0.0.1:8081 "${ca[@]}"
  expect "and reloads nothing" is "$(reloads)" "$reloads"
}

the_timer_renews_it() {
  local before
  before=$(served)
  mkdir -p /etc/systemd/system/certctl-renew.timer.d
  printf '[Timer]\nOnCalendar=\nOnCalendar=*:*:0/3\nRandomizedDelaySec=0\nAccuracySec=100ms\n' \
    >/etc/systemd/system/certctl-renew.timer.d/often.conf
  systemctl daemon-reload
  systemctl enable --quiet --now certctl-renew.timer
  expect "the timer renews, and nginx serves what is new" soon 60 serves_the_new "$before"
  systemctl stop certctl-renew.timer
  soon 20 is_over certctl-renew.service || true
  expect "the sandboxed unit succeeded" is "$(property certctl-renew.service Result)" success
  expect "without an alarm" is "$(journal -u 'certctl-failure@*')" ""
  expect "nginx was not restarted for it" is "$(main_process)" "$main"
  expect "the site answers with it" answers_by_https
}

a_fault_of_others_is_no_fault_of_ours() {
  local reloads
  echo "server { listen 80; proxy_pass http://nowhere; }" >/etc/nginx/conf.d/broken.conf
  certctl site show "$site" >"$here/show.before" || true
  reloads=$(reloads)
  if certctl site add "$site" http://127.0.0.1:8082 "${ca[@]}" >"$here/refused" 2>&1; then
    echo "it succeeded" >>"$here/refused"
  fi
  expect "a broken file of somebody else is named" grep -q "conf.d/broken.conf" "$here/refused"
  expect "and nothing was reloaded" is "$(reloads)" "$reloads"
  expect "the site answers as before" answers_by_https
  expect "its file is as before" grep -q 8081 "$own"
  rm /etc/nginx/conf.d/broken.conf
}

it_goes() {
  expect "site disable succeeds" certctl site disable "$site"
  expect "and the site is gone" soon 20 serves_nothing
  expect "but its file is there" test -e "$own"
  expect "site enable succeeds" certctl site enable "$site"
  expect "and it answers" soon 20 answers_by_https
  expect "site remove succeeds" certctl site remove "$site"
  expect "and the site is gone" soon 20 serves_nothing
  expect "with its file" not test -e "$own"
  expect "and its link" is "$(find /etc/nginx/sites-enabled -name "*$site*")" ""
  expect "nginx takes what is left" nginx -t -q
  expect "what others wrote is as it was" others_are_untouched
  expect "the certificate is still there" test -e "/var/lib/certctl/live/$site/fullchain.pem"
  expect "nginx was never restarted" is "$(main_process)" "$main"
}

story() {
  debians_nginx
  upstream
  start_servers
  main=$(main_process)
  a_site_is_added
  the_timer_renews_it
  a_fault_of_others_is_no_fault_of_ours
  it_goes
}
