#!/usr/bin/env bash
# Puts axe-core, which finds what keeps people from using a page, in $FLIP_CACHE/axe for the browser tests.
#
# It comes from the npm package axe-core, pinned by the integrity hash of its tarball.
source "$(dirname "${BASH_SOURCE[0]}")/lock.sh"

PACKAGE='axe-core'
VERSION='4.14.1'
INTEGRITY='sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=='
TARGET="$FLIP_CACHE/axe"

good() { [ -f "$TARGET/axe.min.js" ] && [ "$(cat "$TARGET/integrity" 2>/dev/null)" = "$INTEGRITY" ]; }

if good; then exit 0; fi
if ! command -v npm >/dev/null; then
    fail 1 'npm is needed (Debian package npm)'
fi

take_turn
if good; then exit 0; fi
scratch
say "fetching $PACKAGE $VERSION with npm"
npm_package "$PACKAGE" "$VERSION" "$INTEGRITY"
mkdir ready
cp unpacked/package/axe.min.js ready/
printf '%s\n' "$INTEGRITY" >ready/integrity
replace ready "$TARGET"
