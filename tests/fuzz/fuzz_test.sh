#!/usr/bin/env bash
# Searches with one libFuzzer target from its corpus on, for
# BRAID_FUZZ_SECONDS. What it finds is left in the test's outputs; new inputs
# go to BRAID_FUZZ_KEEP/TARGET where that is set.
set -euo pipefail
target=$1
corpus=$2
input_bytes_max=$3
found=${BRAID_FUZZ_KEEP:-$TEST_TMPDIR}/$(basename "$target")
mkdir -p "$found"
seconds=${BRAID_FUZZ_SECONDS:-60}
# 2 GiB and 25 s are far beyond what any input of this size may cost. libFuzzer
# itself can hang while it reports one that costs more: its last file is then in
# the test's directory.
timeout --signal=KILL $((seconds + 120)) "$target" -max_total_time="$seconds" \
  -max_len="$input_bytes_max" \
  -rss_limit_mb=2048 -timeout=25 -print_final_stats=1 \
  -artifact_prefix="${TEST_UNDECLARED_OUTPUTS_DIR:-$TEST_TMPDIR}/" "$found" "$corpus" 2>&1 |
  tail -n 60
