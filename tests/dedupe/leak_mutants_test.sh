#!/usr/bin/env bash
# Every planted bug of comparing connections must be found by its tests.
set -u
# What a mutant's tests report is no report of this one.
unset XML_OUTPUT_FILE GTEST_OUTPUT TESTBRIDGE_TEST_ONLY TEST_PREMATURE_EXIT_FILE
found=0
for mutant in tests/mutants/mutant_leak_*; do
  [[ -x "$mutant" && -f "$mutant" ]] || continue
  output="$("$mutant" 2>&1)" && { echo "$mutant was not found"; exit 1; }
  echo "$mutant: ${output##*$'\n'}"
  found=$((found + 1))
done
[[ "$found" -gt 0 ]]
