#!/bin/sh
# Tests that CertctlCrypto leaks no memory, neither Swift's nor OpenSSL's:
#
#   Tests/leaks.sh
#
# 1. AddressSanitizer and LeakSanitizer, optimised build: 1,000 P-256 keys with their requests,
#    certificates and parses, 20 RSA-2048 keys, one RSA-4096 key, 50 rounds of TLS handshakes.
# 2. valgrind, if installed, on the optimised build without sanitizer, with fewer keys. It also
#    reports when OpenSSL reads memory that Swift has freed, which the sanitizer does not.
#
# The script compiles only Sources/CertctlCrypto and CertctlBase, without dependencies, into a
# temporary directory. It exits with 0 if both find nothing, and takes about one minute.
set -eu

cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=Test \
  -addext subjectAltName=DNS:example.com -keyout "$folder/key.pem" -out "$folder/cert.pem" \
  2>/dev/null

compile() {
  swiftc -use-ld=lld -O -wmo -swift-version 6 -package-name certctl \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
    -enable-upcoming-feature MemberImportVisibility \
    -enable-upcoming-feature NonisolatedNonsendingByDefault \
    -Xcc -fmodule-map-file=Sources/COpenSSL/module.modulemap \
    -Xcc -fmodule-map-file=Sources/CIDN2/module.modulemap -I "$folder" "$@"
}

build() {
  # shellcheck disable=SC2046  # file names have no spaces
  compile -parse-as-library -module-name CertctlBase -emit-module \
    -emit-module-path "$folder/CertctlBase.swiftmodule" -c -o "$folder/CertctlBase.o" "$@" \
    $(find Sources/CertctlBase -name '*.swift')
  # shellcheck disable=SC2046  # file names have no spaces
  compile -parse-as-library -module-name CertctlCrypto -emit-module \
    -emit-module-path "$folder/CertctlCrypto.swiftmodule" -c -o "$folder/CertctlCrypto.o" "$@" \
    $(find Sources/CertctlCrypto -name '*.swift')
  compile -module-name LeakCheck -o "$folder/LeakCheck" "$@" \
    Tests/LeakCheck/main.swift "$folder/CertctlCrypto.o" "$folder/CertctlBase.o" -lssl -lcrypto
}

echo "AddressSanitizer and LeakSanitizer:"
build -sanitize=address -g
SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=1 "$folder/LeakCheck" "$folder" 1000 20 1

if command -v valgrind >/dev/null; then
  echo "valgrind:"
  # valgrind does not understand Swift's DWARF 5.
  build -g -dwarf-version=4 -Xcc -gdwarf-4
  valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=definite,indirect --error-exitcode=1 "$folder/LeakCheck" "$folder" 40 1 0
fi
echo "no leak"
