# Sourced by the set-up scripts: where things are kept, one maker at a time, and a scratch folder that goes away.
# What must stay true: nothing appears in $FLIP_CACHE before it has been checked, and then it appears whole.
# shellcheck shell=bash

set -euo pipefail

FLIP_CACHE="${FLIP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flip-edge}"
TOOL="$(basename "$0" .sh)"

say() { printf '%s: %s\n' "$TOOL" "$*" >&2; }
fail() { local code=$1; shift; say "$*"; exit "$code"; }

# Waits its turn: two `make`s at once do the work once. The lock goes with the process.
take_turn() {
    mkdir -p "$FLIP_CACHE"
    if ! command -v flock >/dev/null; then
        fail 1 "flock is needed (Debian package util-linux)"
    fi
    exec 9>"$FLIP_CACHE/.$TOOL.lock"
    if ! flock --nonblock 9; then
        say "waiting for another make to finish with $TOOL"
        flock 9
    fi
}

# A scratch folder on the cache's own file system, so that moving out of it is one rename.
scratch() {
    SCRATCH="$(mktemp -d "$FLIP_CACHE/.$TOOL.XXXXXX")"
    trap 'rm -rf "$SCRATCH"' EXIT
}

# replace FOLDER TARGET: puts a finished folder in its place.
replace() {
    mkdir -p "$(dirname "$2")"
    if [ -e "$2" ]; then mv -T "$2" "$SCRATCH/.old"; fi
    mv -T "$1" "$2"
}

# again N COMMAND...: a package client may meet a network that hiccups.
again() {
    local tries=$1 try; shift
    for ((try = 1; try <= tries; try++)); do
        if "$@"; then return 0; fi
        if ((try < tries)); then say "did not work, trying again ($try of $tries): $1"; sleep $((try * 2)); fi
    done
    return 1
}

# npm_package PACKAGE VERSION INTEGRITY: unpacks it into $SCRATCH/unpacked/package, where it is the pinned one.
npm_package() {
    cd "$SCRATCH"
    if ! again 3 npm pack --silent "$1@$2" >packed; then
        fail 1 "npm could not fetch $1 $2 (its own message is above)"
    fi
    local tarball found
    tarball="$(tail -n 1 packed)"
    found="sha512-$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)"
    if [ "$found" != "$3" ]; then
        fail 1 "the package is not the pinned one: its integrity is $found and should be $3; nothing was kept"
    fi
    mkdir unpacked
    tar -xzf "$tarball" -C unpacked
}
