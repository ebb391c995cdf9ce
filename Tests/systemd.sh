#!/bin/bash
# Boots a real systemd, installs certctl in it, and tests that the timer renews.
#
#   Tests/systemd.sh [CERTCTL [STORY]]       (as root; default: .build/debug/certctl)
#
# STORY is a file that is sourced in the booted system. Its function `story` replaces the test.
#
# The system is this machine's root file system under an overlay in memory. systemd-nspawn starts it
# with a loopback-only network, and nothing of it remains. This machine's own services do not start
# there. `make install` installs certctl and its units, and nginx runs as the distribution's unit.
# Pebble's certificates last 80 seconds, so that what usually takes weeks takes half a minute.
#
# Exits with 0 on success and 1 on failure. Exits with 77, after a line with the reason, if no
# system can be booted here. Takes two minutes.
set -eu

# The lifetime of certificates in seconds: due when 60 % are left, an alarm when 25 % are left.
lifetime=80
here=/opt/certctl-test
user=certctl-user

skip() {
  echo "cannot boot a system here: $*"
  exit 77
}

# --- On this machine ---------------------------------------------------------------------------

outside() {
  script=$(realpath "$0")
  binary=$(realpath "${1:-$(dirname "$script")/../.build/debug/certctl}")
  story=${2:+$(realpath "$2")}
  [ "$(id -u)" -eq 0 ] || skip "only root can"
  for program in systemd-nspawn nginx pebble pebble-challtestsrv openssl curl make; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
  [ -e /lib/systemd/system/nginx.service ] || skip "nginx did not come with a unit"
  # Mounts in a separate namespace disappear with it, however this script ends.
  if [ -z "${CERTCTL_TEST_NAMESPACE:-}" ]; then
    unshare --mount true 2>/dev/null || skip "the kernel gives us no mount namespace"
    CERTCTL_TEST_NAMESPACE=yes exec unshare --mount "$script" "$binary" ${story:+"$story"}
  fi
  cd "$(dirname "$script")/.."
  folder=$(mktemp -d)
  nspawn=
  trap clean_up EXIT
  trap 'exit 1' INT TERM HUP
  mount_root
  prepare
  boot
}

clean_up() {
  if [ -n "$nspawn" ] && kill -KILL "$nspawn" 2>/dev/null; then wait "$nspawn" || true; fi
  for group in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [ -d "$group/certctl-test-$$" ] || continue
    echo "$$" >"$group/cgroup.procs"
    find "$group/certctl-test-$$" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  umount -R -l "$folder" 2>/dev/null || true
  rmdir "$folder"
}

mount_root() {
  # In memory, because an overlay cannot be on top of another one, as in a container.
  mount -t tmpfs -o size=2g,mode=0755 tmpfs "$folder" || skip "no tmpfs can be mounted"
  mkdir "$folder"/{upper,work,root}
  mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" overlay \
    "$folder/root" || skip "no overlay of the root file system can be mounted"
  root=$folder/root
}

prepare() {
  # Removes the machine's services and mounts, and its certctl files.
  rm -rf "$root"/etc/systemd/system/* "$root"/etc/rc?.d "$root/etc/fstab" "$root/etc/certctl" \
    "$root/var/lib/certctl" "$root$here"
  : >"$root/etc/machine-id"
  mkdir -p "$root$here" "$root/etc/certctl/hooks"/{deploy.d,notify.d} "$root/var/www"/{web,fail}
  echo "$user:x:64123:64123::/home/$user:/bin/sh" >>"$root/etc/passwd"
  echo "$user:x:64123:" >>"$root/etc/group"
  install -d -o 64123 -g 64123 -m 0700 "$root/home/$user"
  install_certctl
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=CA \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$root$here/ca.key" -out "$root$here/ca.pem" \
    2>/dev/null
  write_settings
  cp "$script" "$root$here/systemd.sh"
  if [ -n "$story" ]; then cp "$story" "$root$here/story.sh"; fi
}

# Installs with the Makefile, from a stage with the binary under test.
install_certctl() {
  scripts/stage "$root$here/stage" "$binary" >/dev/null
  cp -R Makefile scripts "$root$here"
  make --no-print-directory install STAGE="$root$here/stage" DESTDIR="$root" PREFIX=/usr/local \
    >"$root$here/install.log"
  # A debug build uses Swift's libraries, which may be in a home directory that the sandbox hides.
  ldd "$binary" | sed -n 's|.* => \(/[^ ]*\) .*|\1|p' | while read -r library; do
    case $library in
      /lib/* | /lib64/* | /usr/*) ;;
      *) cp "$library" "$root/usr/local/lib/" ;;
    esac
  done
  mkdir -p "$root/etc/systemd/system.conf.d"
  printf '[Manager]\nDefaultEnvironment=LD_LIBRARY_PATH=/usr/local/lib\n' \
    >"$root/etc/systemd/system.conf.d/certctl-test.conf"
}

write_settings() {
  cat >"$root$here/pebble.json" <<END
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
  "certificate": "$here/ca.pem", "privateKey": "$here/ca.key", "httpPort": 80, "tlsPort": 443,
  "ocspResponderURL": "", "externalAccountBindingRequired": false,
  "certificateValidityPeriod": $lifetime}}
END
  cat >"$root/etc/nginx/nginx.conf" <<'END'
user www-data;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events {}
http {
  access_log /var/log/nginx/access.log;
  server { listen 127.0.0.1:80; server_name web.test group.test; root /var/www/web; }
  server { listen 127.0.0.1:80; server_name fail.test; root /var/www/fail; }
  include /etc/nginx/certctl-test.*;
}
END
  cat >"$root$here/tls.conf" <<'END'
server {
  listen 127.0.0.1:443 ssl;
  ssl_certificate /var/lib/certctl/live/web.test/fullchain.pem;
  ssl_certificate_key /var/lib/certctl/live/web.test/privkey.pem;
}
END
  cat >"$root/etc/certctl/hooks/deploy.d/note" <<'END'
#!/bin/sh
# The user of the instance unit cannot write there.
[ "$(id -u)" -eq 0 ] || exit 0
echo "$CERTCTL_LINEAGE" >>/var/lib/deployed
# As hooks for other servers do.
nginx -t
END
  cat >"$root/etc/certctl/hooks/notify.d/tell" <<'END'
#!/bin/sh
cat >>/var/lib/told
END
  chmod 0755 "$root"/etc/certctl/hooks/*/*
  cat >"$root/etc/systemd/system/certctl-test.service" <<END
[Unit]
After=multi-user.target
[Service]
ExecStart=$here/systemd.sh --inside
ExecStopPost=systemctl poweroff --force --force
StandardOutput=append:$here/log
StandardError=inherit
END
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -s ../certctl-test.service "$root/etc/systemd/system/multi-user.target.wants/"
}

# Prints what the booted system has logged since the last call.
show_log() {
  local size
  size=$(stat -c %s "$root$here/log")
  tail -c "+$((shown + 1))" "$root$here/log" | head -c "$((size - shown))"
  shown=$size
}

boot() {
  : >"$root$here/log"
  shown=0
  options=(--quiet --register=no --private-network --resolv-conf=off --timezone=off --link-journal=no
    --console=pipe "--machine=certctl-test-$$" "--directory=$root" --boot)
  # Without systemd on this machine, create a separate control group for this boot.
  if [ ! -d /run/systemd/system ]; then
    options+=(--keep-unit)
    for group in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
      if mkdir -p "$group/certctl-test-$$" 2>/dev/null; then
        echo "$$" >"$group/certctl-test-$$/cgroup.procs" || true
      fi
    done
  fi
  systemd-nspawn "${options[@]}" </dev/null >"$folder/console" 2>&1 &
  nspawn=$!
  local waited=0
  while [ ! -e "$root$here/result" ] && kill -0 "$nspawn" 2>/dev/null; do
    sleep 0.2
    show_log
    waited=$((waited + 1))
    if [ "$waited" -gt 300 ] && [ ! -s "$root$here/log" ]; then break; fi
  done
  if [ ! -s "$root$here/log" ]; then
    tail -n 20 "$folder/console"
    skip "systemd-nspawn did not start one"
  fi
  show_log
  wait "$nspawn" || true
  nspawn=
  exit "$(cat "$root$here/result" || echo 1)"
}

# --- In the booted system ----------------------------------------------------------------------

# expect WHAT COMMAND...: expects the command to succeed.
expect() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then
    printf '%5ss  ok    %s\n' "$SECONDS" "$what"
  else
    failed=$((failed + 1))
    printf '%5ss  FAIL  %s\n%s\n' "$SECONDS" "$what" "$said"
  fi
}

# soon SECONDS COMMAND...: retries until it succeeds, for up to 3 x SECONDS on a busy machine.
soon() {
  local limit=$((SECONDS + 3 * $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$limit" ] || return 1
    sleep 0.2
  done
}

not() { ! "$@"; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
is() { [ "$1" = "$2" ] || { echo "'$1' instead of '$2'"; return 1; }; }
says() { grep -qF -- "$2" <<<"$1" || { echo "no '$2' in:"; echo "$1"; return 1; }; }

# journalctl fails if no unit matches a pattern.
journal() { journalctl --sync; journalctl --quiet --no-pager --output=cat "$@" 2>/dev/null || true; }
# A running oneshot service is "activating", not "active".
is_over() { [[ $(property "$1" ActiveState) =~ ^(inactive|failed)$ ]]; }
property() { systemctl show --property="$2" --value "$1"; }
is_generation() {
  local number=$1 name
  shift
  for name in "$@"; do is "$(generation "$name")" "$number" || return 1; done
}
generation() { basename "$(readlink "${2:-/var/lib/certctl}/live/$1")"; }
serial() { openssl x509 -noout -serial; }
kept() { serial <"/var/lib/certctl/live/$1/cert.pem"; }
served() { openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | serial; }
serves_what_is_kept() { is "$(served)" "$(kept web.test)"; }
serves_the_new() { [ "$(served)" != "$1" ] && serves_what_is_kept; }
due() { says "$(certctl renew "$@" --dry-run)" "$1: would renew"; }

issue() {
  certctl issue --ca https://127.0.0.1:14000/dir --ca-bundle "$here/ca.pem" --agree-tos "$@" \
    >/dev/null
}

start_servers() {
  systemd-run --quiet --unit=names pebble-challtestsrv -defaultIPv6 "" -dns01 127.0.0.1:8053 \
    -http01 "" -https01 "" -tlsalpn01 "" -management 127.0.0.1:8055
  soon 10 answers 8055
  # nginx is at 127.0.0.1, certctl's built-in listener at 127.0.0.2.
  for name in alone.test user.test; do
    curl -sS -d "{\"host\":\"$name.\",\"addresses\":[\"127.0.0.2\"]}" http://127.0.0.1:8055/add-a
  done
  systemd-run --quiet --unit=ca --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 \
    --setenv=PEBBLE_AUTHZREUSE=0 \
    pebble -config "$here/pebble.json" -strict -dnsserver 127.0.0.1:8053
  systemctl start nginx.service
  soon 20 answers 14000
  soon 10 answers 80
}

the_installation() {
  local units=/usr/local/lib/systemd/system
  expect "make install says how the timer is enabled" \
    grep -q 'systemctl enable --now certctl-renew.timer' "$here/install.log"
  expect "no @BINDIR@ is left in the units" not grep -r @BINDIR@ "$units"
  expect "and the timer is not enabled" is "$(systemctl is-enabled certctl-renew.timer || true)" disabled
  expect "systemd finds no fault with the units" systemd-analyze verify --man=no \
    --recursive-errors=yes certctl-renew.service certctl-renew.timer "certctl-renew@$user.service" \
    "certctl-renew@$user.timer" certctl-failure@certctl-renew.service.service
  for unit in certctl-renew.service "certctl-renew@$user.service" certctl-failure@x.service; do
    systemd-analyze security --no-pager --threshold=20 "$unit" >"$here/exposure" 2>&1 || true
    expect "$(tail -n 1 "$here/exposure" | sed 's/^[^O]*//')" \
      systemd-analyze security --no-pager --threshold=20 "$unit"
  done
}

first_certificates() {
  issue web.test --webroot /var/www/web
  cp "$here/tls.conf" /etc/nginx/certctl-test.tls
  systemctl reload nginx
  issue alone.test --http-address 127.0.0.2
  issue group.test --webroot /var/www/web --group www-data --key-mode 0640
  issue fail.test --webroot /var/www/fail
  systemd-run --quiet --wait --pipe -p User="$user" -p AmbientCapabilities=CAP_NET_BIND_SERVICE \
    "$here/systemd.sh" --issue-as-user
  expect "nginx serves the first certificate" soon 20 serves_what_is_kept
}

the_timer_renews() {
  local before
  before=$(served)
  rm /var/lib/deployed
  # The documented drop-in for certificates with --owner or --group.
  mkdir -p /etc/systemd/system/certctl-renew.{service,timer}.d
  printf '[Service]\nCapabilityBoundingSet=CAP_CHOWN\n' \
    >/etc/systemd/system/certctl-renew.service.d/chown.conf
  printf '[Timer]\nOnCalendar=\nOnCalendar=*:*:0/3\nRandomizedDelaySec=0\nAccuracySec=100ms\n' \
    >/etc/systemd/system/certctl-renew.timer.d/often.conf
  systemctl daemon-reload
  systemctl enable --quiet --now certctl-renew.timer
  expect "the timer renews, and nginx serves what is new" soon 45 serves_the_new "$before"
  expect "and soon all that is due" soon 15 is_generation 0002 web.test alone.test group.test fail.test
  systemctl stop certctl-renew.timer
  soon 20 is_over certctl-renew.service || true
  expect "the unit succeeded" is "$(property certctl-renew.service Result)" success
  expect "runs before it was due did nothing" is "$(generation web.test)" 0002
  expect "port 80 can be bound in the sandbox" is "$(generation alone.test)" 0002
  expect "files can be given to a group" \
    is "$(stat -L -c %U:%G:%a /var/lib/certctl/live/group.test/privkey.pem)" root:www-data:640
  expect "the hook ran once for each" is "$(sort /var/lib/deployed | tr '\n' ' ')" \
    "alone.test fail.test group.test web.test "
  expect "nginx was reloaded by its unit" says "$(journal -u nginx.service)" "Reloaded nginx"
  expect "the journal tells of it" says "$(journal -u certctl-renew.service -p info)" \
    "web.test: renewed"
  expect "no alarm was raised" is "$(journal -u 'certctl-failure@*')" ""
}

# As the user, because certctl as root refuses the state directory of another user.
due_for_user() {
  says "$(runuser -u "$user" -- env LD_LIBRARY_PATH="$LD_LIBRARY_PATH" \
    certctl renew user.test --state-dir "$1" --dry-run)" "user.test: would renew"
}

a_users_own() {
  local home=/home/$user/.local/state/certctl
  soon 30 due_for_user "$home"
  expect "the instance unit renews what a user has" systemctl start "certctl-renew@$user.service"
  expect "in the user's own state directory" is "$(generation user.test "$home")" 0002
  expect "root does not work there" says "$(certctl list --state-dir "$home" 2>&1)" \
    "sudo -u $user"
  expect "as the user" is "$(stat -L -c %U:%a "$home/live/user.test/privkey.pem")" "$user:600"
}

a_failure_is_told() {
  rm -rf /var/www/fail
  soon 30 due web.test
  soon 30 due fail.test
  expect "a webroot that is gone makes the unit fail" not systemctl start certctl-renew.service
  expect "by exit code 1" is "$(property certctl-renew.service Result) $(property \
    certctl-renew.service ExecMainStatus)" "exit-code 1"
  expect "which stops no other certificate" is "$(generation web.test)" 0003
  expect "OnFailure= writes an error to the journal" soon 10 alarm certctl-renew.service
  soon 10 alarm_is_over
  expect "the notify hook is told once" is "$(told)" "1 failed"
  expect "and of which certificate" says "$(cat /var/lib/told)" '"lineage" : "fail.test"'
  certctl delete fail.test >/dev/null
}

alarm() { says "$(journal -p err -u "certctl-failure@$1.service")" "$1 failed; see: journalctl"; }
# The alarm's unit is neither queued nor running.
alarm_is_over() {
  is "$(systemctl list-jobs --no-legend)" "" && is_over certctl-failure@certctl-renew.service.service
}
was_told() { is "$(told)" "$1"; }
told() {
  [ -e /var/lib/told ] || { echo 0; return; }
  grep -o '"reason" : "[a-zA-Z]*"' /var/lib/told | cut -d '"' -f 4 | sort | uniq -c | sed 's/^ *//'
}

a_crash_is_told() {
  local drop_in=/etc/systemd/system/certctl-renew.service.d/crash.conf
  rm -f /var/lib/told
  # shellcheck disable=SC2016  # systemd expands it before the shell sees it
  printf '[Service]\nExecStart=\nExecStart=/bin/sh -c "kill -SEGV $$$$"\n' >"$drop_in"
  systemctl daemon-reload
  expect "a crash makes the unit fail" not systemctl start certctl-renew.service
  expect "the notify hook is told by OnFailure=" soon 10 was_told "1 runFailed"
  soon 10 alarm_is_over
  rm "$drop_in"
  systemctl daemon-reload
  rm -f /var/lib/told
  echo 'no-such-key = 1' >/etc/certctl/certctl.toml
  expect "a wrong configuration makes the unit fail" not systemctl start certctl-renew.service
  expect "by exit code 78" is "$(property certctl-renew.service ExecMainStatus)" 78
  expect "and is told too" soon 10 was_told "1 runFailed"
  soon 10 alarm_is_over
  rm /etc/certctl/certctl.toml
}

a_run_that_is_stopped() {
  local hook=/etc/certctl/hooks/deploy.d/zz-wait alarms
  alarms=$(journal -u 'certctl-failure@*' | wc -l)
  systemctl reset-failed
  rm /var/lib/deployed
  printf '#!/bin/sh\nexec sleep 60\n' >"$hook"
  chmod 0755 "$hook"
  # --force, because nginx uses the certificate.
  certctl revoke web.test --force --quiet >/dev/null
  systemctl start --no-block certctl-renew.service
  expect "a hook waits" soon 20 test -e /var/lib/deployed
  systemctl stop certctl-renew.service
  expect "a run that is stopped has not failed" \
    is "$(property certctl-renew.service Result) $(systemctl is-failed certctl-renew.service)" \
    "success inactive"
  expect "and no alarm is raised" is "$(journal -u 'certctl-failure@*' | wc -l)" "$alarms"
  rm "$hook" /var/lib/deployed
  systemctl start certctl-renew.service
  expect "the next run deploys what that one renewed" grep -qx web.test /var/lib/deployed
}

a_ca_that_is_down() {
  local alarms
  rm -f /var/lib/told
  systemctl reset-failed
  alarms=$(journal -u 'certctl-failure@*' | wc -l)
  soon 30 due web.test
  systemctl stop ca.service
  expect "a CA that is down does not make the unit fail" systemctl start certctl-renew.service
  expect "although it exits 75" is "$(property certctl-renew.service ExecMainStatus)" 75
  expect "and no alarm is raised" is "$(journal -u 'certctl-failure@*' | wc -l)" "$alarms"
  expect "nor anybody told" is "$(told)" 0
  expect "what was there is still served" is "$(served)" "$(kept web.test)"
}

the_end_of_it() {
  make --no-print-directory -C "$here" uninstall STAGE=stage >"$here/install.log" 2>&1 || true
  systemctl daemon-reload
  expect "make uninstall takes the units away" \
    is "$(find /usr/local -name '*certctl*')" ""
  expect "and disables the timer" is "$(find /etc/systemd/system -name '*.timer')" ""
  expect "but leaves the certificates" test -e /var/lib/certctl/live/web.test/fullchain.pem
}

# Reports the result to the host.
finish() {
  if [ "$1" -ne 0 ] || [ "$failed" -gt 0 ]; then
    echo "--- the journal"
    journal -u 'certctl-*' -n 200
    echo "exit code $1, $failed failed"
    failed=1
  fi
  echo "$failed" >"$here/result.new"
  mv "$here/result.new" "$here/result"
}

inside() {
  failed=0
  trap 'finish $?' EXIT
  export LD_LIBRARY_PATH=/usr/local/lib
  echo "booted: systemd $(systemctl --version | sed -n '1s/systemd \([^ ]*\).*/\1/p')"
  if [ -e "$here/story.sh" ]; then
    # shellcheck source=Tests/systemd-sites.sh
    . "$here/story.sh"
    story
    return
  fi
  start_servers
  the_installation
  first_certificates
  the_timer_renews
  a_users_own
  a_failure_is_told
  a_crash_is_told
  a_run_that_is_stopped
  a_ca_that_is_down
  the_end_of_it
}

case ${1:-} in
  --inside) inside ;;
  --issue-as-user)
    issue user.test --http-address 127.0.0.2 --state-dir "$HOME/.local/state/certctl"
    ;;
  *) outside "$@" ;;
esac
