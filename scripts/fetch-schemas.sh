#!/bin/sh
# Makes sure that Kubernetes' schemas and a YAML reader, for tests, are in the cache, and prints the directory of their modules.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
exec "$root/scripts/fetch-npm.sh" schemas "$root/tests/deploy/schemas" kubernetes-models
