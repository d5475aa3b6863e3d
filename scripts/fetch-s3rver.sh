#!/bin/sh
# Makes sure that s3rver, a store for tests, is in the cache, and prints the path of its program.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
program=s3rver/bin/s3rver.js
modules=$("$root/scripts/fetch-npm.sh" s3rver "$root/tests/fleet/s3rver" $program)
echo "$modules/$program"
