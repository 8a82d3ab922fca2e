#!/bin/sh
# Scanners that go wrong, each by the name of the file that it is given: flip-hub calls a scanner with
# `scan-worker -- NAME` and the file as standard input.
clean='{"clean":{"sha256":"abababababababababababababababababababababababababababababababab","bytes":3,"notes":[]}}'
if [ $# -eq 1 ]; then
    # The real one, on a kernel without Landlock: what it needs is linked beside this.
    cd "$(dirname "$0")" || exit
    exec ./python without_landlock.py ./flip-hub "$@"
fi
case "$3" in
killed*) kill -9 $$ ;;
hangs*) exec sleep 1000 ;;
says-clean-and-hangs*)
    echo "$clean"
    exec sleep 1000
    ;;
says-clean-and-fails*)
    echo "$clean"
    exit 1
    ;;
says-clean-and-is-killed*)
    echo "$clean"
    kill -9 $$
    ;;
half*) printf %.40s "$clean" ;;
nonsense*) echo "It is clean, take my word for it." ;;
nothing*) ;;
floods*) exec yes "$clean" ;;
memory-of-*)
    # The real one, which is linked beside this, with so many MiB.
    memory=${3#memory-of-}
    exec prlimit --data=$((${memory%%-*} << 20)) "$(dirname "$0")/flip-hub" "$@"
    ;;
esac
