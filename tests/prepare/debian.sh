#!/usr/bin/env bash
# debian.sh PACKAGE...: installs those Debian packages that are missing, as root or through sudo.
source "$(dirname "${BASH_SOURCE[0]}")/lock.sh"

if [ $# -eq 0 ]; then fail 2 'usage: debian.sh PACKAGE...'; fi

missing() {
    local package
    for package in "$@"; do
        if [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail 3 "this is not a Debian system; please install what these Debian packages hold: $*"
fi
mapfile -t WANTED < <(missing "$@")
if [ ${#WANTED[@]} -eq 0 ]; then exit 0; fi

AS_ROOT=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        fail 1 "not root and no sudo; please run as root: apt-get install ${WANTED[*]}"
    fi
    AS_ROOT=(sudo env DEBIAN_FRONTEND=noninteractive)
fi
# apt-get itself waits for whoever holds its lock.
APT=("${AS_ROOT[@]}" apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 --quiet --quiet)

install() { "${APT[@]}" install --yes --no-install-recommends "$@" >&2; }

take_turn
mapfile -t WANTED < <(missing "$@")
if [ ${#WANTED[@]} -eq 0 ]; then exit 0; fi
say "installing ${WANTED[*]} with apt-get"
# Package lists may be absent or old; `apt-get update` is only done when they are.
if ! apt-get install --simulate --quiet --quiet "${WANTED[@]}" >/dev/null 2>&1 || ! install "${WANTED[@]}"; then
    say 'bringing the package lists up to date'
    again 3 "${APT[@]}" update >&2 || fail 1 'apt-get update did not work (its own message is above)'
    again 3 install "${WANTED[@]}" || fail 1 "apt-get could not install ${WANTED[*]} (its own message is above)"
fi
say "${WANTED[*]}: installed"
