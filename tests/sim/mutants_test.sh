#!/usr/bin/env bash
# Every planted bug must be found: a check that finds none can not fail.
exec tests/sim/sim --mutants --seeds 1000
