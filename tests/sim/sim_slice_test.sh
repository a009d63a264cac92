#!/usr/bin/env bash
# 2,000 worlds: about two minutes on two cores.
exec tests/sim/sim --seeds "${BRAID_SEEDS:-2000}"
