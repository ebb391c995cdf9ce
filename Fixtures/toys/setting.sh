#!/bin/bash
# A toy setting is one entry of the table: it is then an option, a key of certctl.toml, and a key in a
# lineage's file. CERTCTL is the binary with it
set -eu
certctl=${CERTCTL:?}
toy=toy
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
state=$dir/state

fail() {
  echo "setting.sh: $*" >&2
  exit 1
}

# The option, in the help of both commands that get certificates.
"$certctl" issue --help | grep -q -- "--$toy " || fail "issue --help has no --$toy"
"$certctl" site add --help | grep -q -- "--$toy " || fail "site add --help has no --$toy"

# The key in certctl.toml: a text is read, a number is refused by its name.
printf '%s = "one"\n' "$toy" >"$dir/certctl.toml"
"$certctl" list --config "$dir/certctl.toml" --state-dir "$state" >/dev/null ||
  fail "certctl.toml with '$toy' is refused"
printf '%s = 1\n' "$toy" >"$dir/wrong.toml"
error=$("$certctl" list --config "$dir/wrong.toml" --state-dir "$state" 2>&1) &&
  fail "a number is accepted"
[[ $error == *"'$toy' must be a string"* ]] || fail "the wrong value is not named: $error"

# A certificate that is not due: `issue` changes nothing but what is kept with it.
settings='{"authorities":["https://127.0.0.1:9/directory"],"challenge":{"type":"http-01"},"files":{},
  "keyType":"ec256","names":[{"type":"dns","value":"a.example.com"}],"reuseKey":false}'
umask 077
mkdir -p "$state/live" "$state/lineages" "$state/archive/a.example.com/0001"
printf '{"version":1,"name":"a.example.com","settings":%s,"issuance":{"directory":
  "https://127.0.0.1:9/directory","account":"x","settings":%s,"date":"2026-01-01T00:00:00Z"}}' \
  "$settings" "$settings" >"$state/lineages/a.example.com.json"
cd "$state/archive/a.example.com/0001"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=toy \
  -addext subjectAltName=DNS:a.example.com -keyout privkey.pem -out cert.pem 2>/dev/null
cp cert.pem fullchain.pem
: >chain.pem
chmod 600 privkey.pem
ln -s ../archive/a.example.com/0001 "$state/live/a.example.com"
lineage=$state/lineages/a.example.com.json

issue() {
  "$certctl" issue a.example.com --state-dir "$state" "$@" >"$dir/said" 2>&1 ||
    fail "issue $* failed: $(cat "$dir/said")"
  grep -q "Nothing to do" "$dir/said" || fail "issue $* did more than nothing: $(cat "$dir/said")"
}

# What the file says is kept, an option comes before it, and what is kept comes before the file.
issue --config "$dir/certctl.toml"
grep -q "\"$toy\" : \"one\"" "$lineage" || fail "the value of certctl.toml is not kept"
issue --config "$dir/certctl.toml" "--$toy" two
grep -q "\"$toy\" : \"two\"" "$lineage" || fail "the option is not kept"
issue --config "$dir/certctl.toml"
grep -q "\"$toy\" : \"two\"" "$lineage" || fail "certctl.toml comes before what was kept"
