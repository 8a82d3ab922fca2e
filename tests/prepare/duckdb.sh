#!/usr/bin/env bash
# Puts the prebuilt libduckdb.so in $FLIP_CACHE/duckdb, so that nobody compiles DuckDB to try FLIP Edge.
#
# It comes from the npm package @duckdb/node-bindings-linux-x64, pinned by the integrity hash of its tarball.
# Leaves with 0 when the library is there, with 3 when there is no npm or no such binary for this machine (make then
# builds with the cargo feature bundled-duckdb), and with 1 when the package cannot be had or is not the pinned one.
source "$(dirname "${BASH_SOURCE[0]}")/lock.sh"

PACKAGE='@duckdb/node-bindings-linux-x64'
VERSION='1.5.6-r.1'
INTEGRITY='sha512-IXcrZJE6kEqM0Z4wwdVnGBHX/frOS33VPNAwDXQ/Q+Fs84b058Qe94chrCCIcNJlG8Y3UHIUU4eBeCQxW5mN1Q=='
TARGET="$FLIP_CACHE/duckdb"
NO_PREBUILT=3

# The library is good when it is the one that was checked and put here: its own hash is kept beside it.
good() {
    [ -f "$TARGET/libduckdb.so" ] && [ "$(cat "$TARGET/integrity" 2>/dev/null)" = "$INTEGRITY" ] &&
        (cd "$TARGET" && sha256sum --check --status libduckdb.so.sha256 2>/dev/null)
}

if good; then exit 0; fi
if [ "$(uname -sm)" != 'Linux x86_64' ]; then
    fail "$NO_PREBUILT" "no prebuilt DuckDB is pinned for $(uname -sm); DuckDB will be compiled from source"
fi
if ! command -v npm >/dev/null; then
    fail "$NO_PREBUILT" 'npm is absent, so DuckDB will be compiled from source (about an hour of processor time);' \
        'installing npm (Debian package npm) avoids that'
fi

take_turn
if good; then exit 0; fi
scratch
say "fetching DuckDB ($PACKAGE $VERSION) with npm"
npm_package "$PACKAGE" "$VERSION" "$INTEGRITY"
mkdir ready
cp unpacked/package/libduckdb.so ready/
(cd ready && sha256sum libduckdb.so >libduckdb.so.sha256)
printf '%s\n' "$INTEGRITY" >ready/integrity
replace ready "$TARGET"
say "DuckDB is ready in $TARGET"
