#!/usr/bin/env bash
# Every planted bug must be found; the last line of each says with which seed.
set -u
for mutant in tests/mutants/mutant_recovery_*; do
  [[ -x "$mutant" && -f "$mutant" ]] || continue
  found="$("$mutant" --seeds 600)" && { echo "$mutant was not found"; exit 1; }
  echo "$mutant: ${found##*$'\n'}"
done
