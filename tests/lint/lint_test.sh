#!/usr/bin/env bash
# The runfiles link to the source tree: follow the link to its root.
set -euo pipefail
root=$(dirname "$(readlink -f WORKSPACE)")
exec python3 "$root/tests/lint/lint.py" "$root"
