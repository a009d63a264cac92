#!/bin/sh
# Stamps the version shown by `braid version` and in the User-Agent.
echo "STABLE_BRAID_COMMIT $(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
