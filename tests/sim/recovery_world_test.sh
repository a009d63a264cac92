#!/usr/bin/env bash
# A slice of the simulated worlds of recovery.
exec tests/sim/recovery_sim --seeds 200
