#!/bin/bash
# Runs a Docker engine for the tests in a separate directory, without touching the machine's
# firewall or default network. It runs until its standard input ends, which is when the tests have
# finished or died, and leaves nothing behind. Requires root.
#
# usage: Tests/docker-engine.sh FOLDER      socket: FOLDER/docker.sock, log: FOLDER/log
set -eu
folder=${1:?folder}
mkdir -p "$folder"
export DOCKER_HOST=unix://$folder/docker.sock

# A new session, because the processes that dockerd starts inherit its process group.
setsid dockerd --host "$DOCKER_HOST" --data-root "$folder/data" --exec-root "$folder/exec" \
  --pidfile "$folder/pid" --bridge none --iptables=false --ip-forward=false \
  >"$folder/log" 2>&1 </dev/null &
engine=$!

# An earlier engine may have left a firewall that drops all forwarding, even between two containers
# on one bridge. This engine manages no firewall, so it would not correct that.
rule=(FORWARD -i br-+ -o br-+ -m comment --comment "tests of certctl $$" -j ACCEPT)
ruled=
if iptables -S FORWARD 2>/dev/null | grep -q '^-P FORWARD DROP'; then
  iptables -I "${rule[@]}" && ruled=yes
fi

clean_up() {
  trap - EXIT INT TERM
  [ -z "$ruled" ] || iptables -D "${rule[@]}" || true
  # shellcheck disable=SC2046  # a list of numbers
  timeout 20 docker rm --force --volumes $(docker ps --all --quiet) >/dev/null 2>&1 || true
  # shellcheck disable=SC2046
  timeout 20 docker network rm $(docker network ls --quiet --filter type=custom) >/dev/null 2>&1 ||
    true
  kill "$engine" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$engine" 2>/dev/null || true
  # Mounts that a killed engine left would keep its directory from being removed.
  awk -v folder="$folder/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r place; do umount -l "$place" || true; done
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Nothing is ever written: the input ends when the last writer is gone.
cat >/dev/null || true
