#!/bin/bash
# Tests that scripts/graph --check reports forbidden dependencies: one of each kind in a small tree,
# and one in a copy of this tree.
set -eu -o pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

failed=
fail() {
  echo "error: Tests/graph.sh: $*" >&2
  failed=yes
}

# check FOLDER: runs the check there; output in $said, exit code in $code.
check() {
  code=0
  said=$("$1/scripts/graph" --check 2>&1) || code=$?
}

# wrong FOLDER WHAT TEXT: expects the check to fail there and to print the text.
wrong() {
  check "$1"
  [ "$code" = 1 ] || fail "$2: exit code $code"
  case $said in *"$3"*) ;; *) fail "$2: '$3' is missing in: $said" ;; esac
}

# --- a small tree: target Upper above Lower; in Lower, Top above the sides Left and Right, above Base

small=$scratch/small
mkdir -p "$small/scripts" "$small/Sources/Upper/Only" "$small/Sources/Lower/"{Top,Left,Right,Base}
cp scripts/graph "$small/scripts/"
# put FILE TEXT: writes a file of the small tree.
put() { printf '%s\n' "$2" >"$small/$1"; }
# fresh: writes the small tree without a violation. It has comments, string literals, members and
# own names, which are not dependencies.
fresh() {
  put scripts/graph.layers 'targets:
  Upper
  Lower
Lower:
  Top
  Left Right
  Base'
  put Package.swift 'let package = Package(name: "small", targets: [
    .target(name: "Upper", dependencies: ["Lower"]),
    .target(name: "Lower"),
  ])'
  put Sources/Upper/Only/Main.swift 'import Lower
struct Main { var top: Top }'
  put Sources/Lower/Top/Top.swift 'struct Top { var left: Left; var right = "\(Right(1))"; enum Kind {} }'
  put Sources/Lower/Left/Left.swift 'struct Left { let base: Base } // not Right'
  put Sources/Lower/Right/Right.swift 'struct Right { let base: [Base<Int>] } /* Left /* Top */ Left */'
  put Sources/Lower/Base/Base.swift 'struct Base<Left> { let a = "Top", b = #"\(Top) "Top""#; let c: Left }
let text = """
  Top "\(Double(1))" Left
  """
extension Foreign.Top { enum Right { case one(Right) } }
struct Kind { let own: Foreign.Left }'
}

fresh
check "$small"
[ "$code" = 0 ] || fail "a tree in order: exit code $code: $said"

put Sources/Lower/Base/Back.swift 'let back = Top()'
wrong "$small" "an arrow upward" "Base -> Top (1 uses)
      Sources/Lower/Base/Back.swift:1 -> Top, declared in Sources/Lower/Top/Top.swift:1"
put Sources/Lower/Base/Back.swift 'let text = "\(Top())"'
wrong "$small" "an arrow from a text's code" "Base -> Top (1 uses)"
rm "$small/Sources/Lower/Base/Back.swift"

put Sources/Lower/Left/Side.swift 'func side(_: Right) {}'
wrong "$small" "an arrow sideways" "a dependency points sideways:
  Left -> Right (1 uses)"
printf '  Left -> Right\n' >>"$small/scripts/graph.layers"
check "$small"
[ "$code" = 0 ] || fail "an arrow sideways that is allowed: exit code $code: $said"
rm "$small/Sources/Lower/Left/Side.swift"
wrong "$small" "an allowed arrow that went" "allows Left -> Right, which does not exist"

fresh
put scripts/graph.layers 'targets:
  Upper
  Lower'
check "$small"
[ "$code" = 0 ] || fail "a target without an order: exit code $code: $said"
put Sources/Lower/Base/Back.swift 'extension Top {}'
wrong "$small" "a cycle in a target without an order" "Base -> Top (1 uses)"
rm "$small/Sources/Lower/Base/Back.swift"

fresh
put Sources/Lower/Base/Up.swift '@preconcurrency import Upper'
wrong "$small" "an import upward" "Lower -> Upper (1 files)
      Sources/Lower/Base/Up.swift:1"
rm "$small/Sources/Lower/Base/Up.swift"
put Package.swift '.target(name: "Upper", dependencies: ["Lower"]), .target(name: "Lower", dependencies: ["Upper"])'
wrong "$small" "a declared dependency upward" "Lower -> Upper (0 files)"

fresh
mkdir "$small/Sources/Lower/New"
put Sources/Lower/New/New.swift 'struct New {}'
wrong "$small" "a folder without a line" "New has no line"
rm -r "$small/Sources/Lower/New"
printf '  Gone\n' >>"$small/scripts/graph.layers"
wrong "$small" "a line without a folder" "names Gone, which does not exist"

# --- a copy of this tree, with and without one more dependency

copy=$scratch/copy
mkdir -p "$copy"
cp -r --parents Package.swift scripts Sources "$copy"
printf 'enum Planted { static let site: SiteChange? = nil }\n' \
  >"$copy/Sources/CertctlServing/Nginx/Planted.swift"
wrong "$copy" "an arrow planted between folders" "a dependency points upward:
  Nginx -> Sites (1 uses)
      Sources/CertctlServing/Nginx/Planted.swift:1 -> SiteChange, declared in Sources/CertctlServing/Sites/"
rm "$copy/Sources/CertctlServing/Nginx/Planted.swift"
printf 'import CertctlOperations\n' >"$copy/Sources/CertctlStore/Store/Planted.swift"
wrong "$copy" "an arrow planted between targets" "a dependency points upward:
  CertctlStore -> CertctlOperations (1 files)
      Sources/CertctlStore/Store/Planted.swift:1"
rm "$copy/Sources/CertctlStore/Store/Planted.swift"
check "$copy"
[ "$code" = 0 ] || fail "this tree without it: exit code $code: $said"

[ -z "$failed" ] || exit 1
