# shellcheck shell=bash
# Fake nginx processes and the timer's service, in whose sandbox certctl cannot see which program a
# process executes. Sourced by Tests/systemd.sh in the booted system:
#
#   Tests/systemd.sh .build/debug/certctl Tests/systemd-trust.sh
#
# $here, $user and functions such as expect and soon are defined in systemd.sh.
# shellcheck disable=SC2154

# Not in a home directory: the sandbox hides those, so nothing there could run anyway.
theirs=/srv/mallory
remembered=/var/lib/certctl/cache/nginx.json

# titled USER TITLE: starts a process of the user with this title.
titled() {
  # shellcheck disable=SC2016
  systemd-run --quiet -p User="$1" bash -c 'exec -a "$0" sleep 3600' "$2"
}

are_named() { is "$(pgrep -c -f '^nginx: master process [^ ]')" "$1"; }

impostors() {
  mkdir -p "$theirs"
  printf '#!/bin/sh\nid >>%s/ran\n' "$theirs" >"$theirs/evil"
  chmod 0755 "$theirs/evil"
  printf 'error_log %s/log; pid %s/pid; events {}\n' "$theirs" "$theirs" >"$theirs/evil.conf"
  chown -R "$user:$user" "$theirs"
  titled "$user" "nginx: master process $theirs/evil"
  titled "$user" "nginx: master process /usr/sbin/nginx -c $theirs/evil.conf"
  # Like a setuid program that has become root completely.
  titled root "nginx: master process $theirs/evil"
  titled root "nginx: master process /usr/sbin/nginx -c $theirs/evil.conf"
  titled root "nginx: master process /usr/sbin/nginx -g load_module $theirs/evil.so;"
  soon 10 are_named 6
}

nothing_ran() {
  expect "$1: nothing of theirs was run" \
    is "$(find "$theirs" ! -user "$user") $(cat "$theirs/ran" 2>/dev/null)" " "
  expect "$1: none of them was signalled" is "$(pgrep -c -f '^nginx: master process.*mallory')" 5
}

# Starts the service as the timer does; a drop-in makes it renew.
run_service() {
  journalctl --sync
  since=$(date '+%F %T')
  systemctl reset-failed
  systemctl start certctl-renew.service || true
}
said() { journal -u certctl-renew.service --since "$since"; }

with_nginx_of_systemd() {
  local before
  mkdir -p /etc/systemd/system/certctl-renew.service.d
  printf '[Service]\nExecStart=\nExecStart=/usr/local/bin/certctl renew --quiet --force web.test\n' \
    >/etc/systemd/system/certctl-renew.service.d/force.conf
  systemctl daemon-reload
  rm -f "$remembered"
  before=$(served)
  run_service
  expect "the service succeeds by systemd's word alone" is "$(property certctl-renew.service Result)" success
  expect "nginx serves what is new" soon 20 serves_the_new "$before"
  expect "nothing was remembered of what could not be seen" not test -e "$remembered"
  expect "the others are named" says "$(said)" "skipped process"
  nothing_ran "the service"
}

with_nginx_of_nobody() {
  local before
  systemctl stop nginx.service
  # A process of certctl's own service, but not its main process.
  nginx
  soon 10 answers 80
  before=$(served)
  run_service
  expect "one that systemd does not know is not asked" says "$(said)" "cannot be seen from this sandbox"
  expect "and the service says so" is "$(property certctl-renew.service ExecMainStatus)" 1
  expect "nginx goes on with what it had" is "$(served)" "$before"
  nothing_ran "an unknown one"
  certctl nginx status >"$here/status" 2>&1 || true
  expect "a person's run verifies it" grep -q '/usr/sbin/nginx' "$remembered"
  nothing_ran "a person's run"
  run_service
  expect "then the service reloads it" soon 20 serves_the_new "$before"
  expect "and succeeds" is "$(property certctl-renew.service ExecMainStatus)" 0
  nothing_ran "a remembered one"
  # Another file at the same path is another program.
  cp --preserve=mode /usr/sbin/nginx /usr/sbin/nginx.new
  mv /usr/sbin/nginx.new /usr/sbin/nginx
  run_service
  expect "a program that was replaced has to be verified again" \
    says "$(said)" "cannot be seen from this sandbox"
}

story() {
  start_servers
  issue web.test --webroot /var/www/web
  cp "$here/tls.conf" /etc/nginx/certctl-test.tls
  systemctl reload nginx
  expect "nginx serves the first certificate" soon 20 serves_what_is_kept
  impostors
  with_nginx_of_systemd
  with_nginx_of_nobody
}
