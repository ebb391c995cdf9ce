#!/bin/bash
# Tests which messages scripts/commit-msg accepts, and how `make hooks` installs it.
set -eu -o pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Ignore git's user settings, and the repository of a hook that runs this script.
while IFS= read -r name; do unset "$name"; done < <(git rev-parse --local-env-vars)
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@example.com
export GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@example.com

failed=
fail() {
  echo "error: Tests/commit-msg.sh: $*" >&2
  failed=yes
}

clone=$scratch/clone
git init -q "$clone"
mkdir "$clone/scripts"
cp scripts/commit-msg "$clone/scripts/"
cp Makefile "$clone/"
cd "$clone"
git add -A
git commit -q -m "Begin"

# check MESSAGE: runs the script on it; output in $said, exit code in $code.
check() {
  printf '%s' "$1" >"$scratch/message"
  code=0
  said=$(scripts/commit-msg "$scratch/message" 2>&1) || code=$?
}
passes() {
  check "$1"
  [ "$code$said" = 0 ] || fail "refused ($code): $1: $said"
}
refuses() {
  check "$1"
  [ "$code" = 1 ] || fail "let through ($code): $1"
  case $said in "error: $2"*"hint: "*"git commit -e -F"*) ;; *) fail "of '$1' it says: $said" ;; esac
}

long=$(printf '%72s' '' | tr ' ' x)
passes "$long"
refuses "${long}y" "the subject has 73 characters, 72 at most"
passes "${long//x/ö}"
refuses "" "the commit message is empty"
refuses $'# Please enter a message.\n\n' "the commit message is empty"
refuses "Retry orders." "the subject ends with a full stop"
refuses $'Retry orders\nwithout replaces' "the second line is not blank"
passes $'\nRetry orders\n\nThe CA returned 403. It still does.\n'
passes $'Retry orders\n# Please enter a message.\n\nThe CA returned 403.\n'
passes $'Retry orders\n# ------------------------ >8 ------------------------\ndiff --git a/a b/a\n'
refuses $'Retry orders.\n# ------------------------ >8 ------------------------\ndiff\n' \
  "the subject ends with a full stop"
passes "fixup! ${long}"
passes "squash! ${long}"
passes "Merge branch '${long}'"
passes "Revert \"${long}\""

# --- the hook

make --no-print-directory hooks >/dev/null || fail "make hooks failed"
make --no-print-directory hooks >/dev/null || fail "make hooks failed the second time"
if git commit -q --allow-empty -m "Retry orders." 2>/dev/null; then fail "git commit asks no hook"; fi
git commit -q --allow-empty -m "Retry orders" || fail "git commit refuses a good message"

# In a subdirectory, in another worktree, and on a branch without the script.
(cd scripts && git commit -q --allow-empty -m "Retry orders.") 2>/dev/null && fail "no hook below the top"
git worktree add -q "$scratch/other" -b other
cd "$scratch/other"
if git commit -q --allow-empty -m "Retry orders." 2>/dev/null; then fail "no hook in a worktree"; fi
make --no-print-directory hooks >/dev/null || fail "make hooks failed in a worktree"
git rm -q -r scripts
git commit -q -m "Remove the check." || fail "a branch without the script cannot commit"
cd "$clone"

# A merge with a hand-written message.
git checkout -q -b side HEAD~1
git commit -q --allow-empty -m "Side"
git checkout -q -
git merge -q --no-ff -m "Take the side's part." side || fail "a merge is refused"

# An existing foreign hook stays.
printf '#!/bin/sh\nexit 0\n' >.git/hooks/commit-msg
if said=$(make --no-print-directory hooks 2>&1); then fail "a foreign hook was overwritten"; fi
case $said in *"commit-msg is another hook"*) ;; *) fail "of a foreign hook it says: $said" ;; esac
[ "$(sed -n 2p .git/hooks/commit-msg)" = "exit 0" ] || fail "a foreign hook was changed"
rm .git/hooks/commit-msg
git config core.hooksPath "$scratch/hooks"
if said=$(make --no-print-directory hooks 2>&1); then fail "core.hooksPath was not seen"; fi
case $said in *"core.hooksPath is $scratch/hooks"*) ;; *) fail "of core.hooksPath it says: $said" ;; esac
for file in .git/hooks/commit-msg "$scratch/hooks"; do
  [ ! -e "$file" ] || fail "$file was made, where git does not look or is not ours"
done

cd "$checkout"
[ -z "$failed" ] || exit 1
