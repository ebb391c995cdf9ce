#!/bin/bash
# A Docker engine for the tests, in a folder of its own: started by hand, without touching the
# firewall or the default network of the machine. It lives until its standard input ends, which is
# when the tests are over or dead, and leaves nothing behind. Root only.
#
# usage: Tests/docker-engine.sh FOLDER      socket: FOLDER/docker.sock, log: FOLDER/log
set -eu
folder=${1:?folder}
mkdir -p "$folder"
export DOCKER_HOST=unix://$folder/docker.sock

# A session of its own: dockerd hands its process group on to what it starts.
setsid dockerd --host "$DOCKER_HOST" --data-root "$folder/data" --exec-root "$folder/exec" \
  --pidfile "$folder/pid" --bridge none --iptables=false --ip-forward=false \
  >"$folder/log" 2>&1 </dev/null &
engine=$!

# Another engine, which ran before, may have left a firewall that forwards nothing: then also nothing
# between two containers on one bridge. With its own firewall switched off ours would not notice.
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
  # What a killed engine leaves mounted would keep its folder.
  awk -v folder="$folder/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r place; do umount -l "$place" || true; done
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Nobody writes: the end comes when the last holder of the other end is gone.
cat >/dev/null || true
