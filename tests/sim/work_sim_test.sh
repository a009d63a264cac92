#!/usr/bin/env bash
# A slice of the simulated workers; then every planted bug must be found.
set -u
tests/sim/work_sim --seeds 100 || exit 1
for mutant in tests/mutants/mutant_work_*; do
  [[ -x "$mutant" && -f "$mutant" ]] || continue
  found="$("$mutant" --seeds 200)" && { echo "$mutant was not found"; exit 1; }
  echo "$mutant: ${found##*$'\n'}"
done
