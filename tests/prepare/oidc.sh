#!/usr/bin/env bash
# Puts a real identity provider, the npm package oidc-provider, in $FLIP_CACHE/oidc for the scenarios of signing in.
#
# It and what it needs are pinned by the integrity hashes of oidc/package-lock.json; no script of theirs is run.
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$HERE/lock.sh"

TARGET="$FLIP_CACHE/oidc"

good() { cmp --silent "$HERE/oidc/package-lock.json" "$TARGET/package-lock.json"; }

if good; then exit 0; fi
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    fail 1 'node and npm are needed (Debian packages nodejs and npm)'
fi
if [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -lt 20 ]; then
    fail 1 "node 20 or newer is needed, not $(node --version)"
fi

take_turn
if good; then exit 0; fi
scratch
say 'fetching oidc-provider with npm'
mkdir "$SCRATCH/ready"
cp "$HERE/oidc/package.json" "$HERE/oidc/package-lock.json" "$SCRATCH/ready/"
cd "$SCRATCH/ready"
if ! again 3 npm ci --silent --ignore-scripts --no-audit --no-fund; then
    fail 1 'npm could not fetch oidc-provider (its own message is above)'
fi
replace "$SCRATCH/ready" "$TARGET"
