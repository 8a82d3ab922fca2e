#!/bin/bash
# run.sh SECONDS [gate|bundle]: fuzzes the gate, or the reader of bundles, for so long, on the stable toolchain. libFuzzer
# needs the compiler's coverage counters, which these flags of LLVM give. What it finds it leaves in FLIP_CACHE/fuzz/found;
# put it into tests/fuzz/corpus, where `cargo test -p flip-gate` replays it, or into tests/fuzz/corpus-bundle, where the
# golden tests do.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
target=${2:-gate}
cache=${FLIP_CACHE:-$HOME/.cache/flip-edge}/fuzz
mkdir -p "$cache/corpus" "$cache/found"
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
# With a target named, the flags do not reach build scripts.
RUSTFLAGS="$coverage -Cdebug-assertions -Ccodegen-units=1" CARGO_TARGET_DIR=$cache/target \
  cargo build --locked --target "$host"
if [ "$target" = bundle ]; then
  mkdir -p "$cache/corpus-bundle"
  exec "$cache/target/$host/debug/bundle" "$cache/corpus-bundle" corpus-bundle -max_total_time="$seconds" -max_len=4096 \
    -timeout=10 -rss_limit_mb=512 -artifact_prefix="$cache/found/" -print_final_stats=1
fi
# Each question of the gate's own tests is a seed.
awk -v folder="$cache/corpus" 'BEGIN { RS = "\n---\n" } { file = folder "/accepted-" NR; printf "%s", $0 > file; close(file) }' \
  ../../appliance/gate/tests/accepted.sql
"$cache/target/$host/debug/gate" "$cache/corpus" corpus -max_total_time="$seconds" -max_len=4096 -timeout=10 \
  -rss_limit_mb=4096 -artifact_prefix="$cache/found/" -print_final_stats=1
