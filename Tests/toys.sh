#!/bin/bash
# Tests, in a small repository with a stub of swift, that scripts/check-toys removes its toys and
# never touches files that were edited meanwhile.
# shellcheck disable=SC2016  # the stub expands what is in single quotes
set -eu -o pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

failed=
fail() {
  echo "error: Tests/toys.sh: $*" >&2
  failed=yes
}

mkdir -p "$scratch/scripts" "$scratch/Fixtures/toys" "$scratch/bin"
cp scripts/check-toys "$scratch/scripts/"
cd "$scratch"
printf '%s\n' '#!/bin/bash' 'eval "${DURING:-}"' >bin/swift
chmod +x bin/swift
printf 'one\ntwo\n' >list
cat >Fixtures/toys/toy.patch <<'PATCH'
diff --git a/list b/list
--- a/list
+++ b/list
@@ -1,2 +1,3 @@
 one
 two
+toy
diff --git a/new b/new
new file mode 100644
--- /dev/null
+++ b/new
@@ -0,0 +1 @@
+toy
PATCH
echo 'grep -q toy list && grep -q toy new && test -n "$CERTCTL$TOY"' >Fixtures/toys/toy.sh
git init -q .
git -c user.name=t -c user.email=t@t.test add -A
git -c user.name=t -c user.email=t@t.test commit -qm "Start"

# run: runs the script; output in $said, exit code in $code.
run() {
  code=0
  said=$(SWIFT="$PWD/bin/swift" DURING=${DURING:-} scripts/check-toys 2>&1) || code=$?
}
clean() { [ -z "$(git status --porcelain -- list new)" ] && [ ! -e new ] && [ ! -d .build/toys ]; }

# A fresh clone without a build.
run
[ "$code" = 0 ] || fail "it fails: $said"
clean || fail "something is left"

# A file edited during the run is kept.
DURING='echo mine >>list' run
[ "$code" = 1 ] || fail "an edited file: exit code $code"
grep -q mine list || fail "the edit is lost"
case $said in *"edited while"*) ;; *) fail "it does not say so: $said" ;; esac
run
grep -q mine list || fail "the edit is lost by the next run"
git checkout -q list
run
clean || fail "it does not recover: $said"

# The run after a kill removes the toys and keeps the author's edits.
DURING='kill -9 $PPID' run
git checkout -q list
echo mine >>list
run
grep -q mine list || fail "an edit after a kill is lost"
git checkout -q list
run
clean || fail "it does not recover from a kill: $said"

# Two runs at the same time.
DURING='scripts/check-toys >second 2>&1; echo "$?" >>second' run
grep -q "another scripts/check-toys" second || fail "two at once: $(cat second)"

[ -z "$failed" ]
