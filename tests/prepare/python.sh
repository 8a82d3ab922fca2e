#!/usr/bin/env bash
# Puts a Python environment with what requirements.txt pins in $FLIP_CACHE/venv, for the scripts in this folder.
# No-op when it is there.
source "$(dirname "${BASH_SOURCE[0]}")/lock.sh"

REQUIREMENTS="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/requirements.txt"
TARGET="$FLIP_CACHE/venv"

# An environment names its own place in its files, so it is made there and the mark is written last.
good() { cmp --silent "$TARGET/requirements.txt" "$REQUIREMENTS" && "$TARGET/bin/python" -c '' 2>/dev/null; }

if good; then exit 0; fi
if ! command -v python3 >/dev/null || ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    fail 1 'python3 with venv is needed (Debian packages python3 and python3-venv)'
fi

take_turn
if good; then exit 0; fi
say "making a Python environment in $TARGET with $(grep -v '^#' "$REQUIREMENTS" | tr '\n' ' ')"
rm -rf "$TARGET"
python3 -m venv "$TARGET"
if ! again 3 "$TARGET/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
    --requirement "$REQUIREMENTS"; then
    fail 1 'pip could not install them (its own message is above)'
fi
cp "$REQUIREMENTS" "$TARGET/requirements.txt"
say 'the Python environment is ready'
