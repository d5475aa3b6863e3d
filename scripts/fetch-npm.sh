#!/bin/sh
# Makes sure that packages from npm, for tests, are in the cache, and prints the directory of their modules.
# usage: fetch-npm.sh NAME PINNED WANTED
#
# Cache: ${AUTOPSY_CACHE:-~/.cache/autopsy}/NAME/. PINNED is a directory with package.json and package-lock.json, which pins all
# by version and checksum; WANTED is what must be there of the modules.
set -eu

name=$1 pinned=$2 wanted=$3
cache=${AUTOPSY_CACHE:-$HOME/.cache/autopsy}/$name
modules=$cache/node_modules
mkdir -p "$cache"

# One at a time. Released when this process ends.
exec 9>"$cache/.lock"
flock 9
if ! cmp -s "$pinned/package-lock.json" "$cache/.checked" || [ ! -e "$modules/$wanted" ]; then
	command -v npm >/dev/null || {
		echo "fetch-npm: there is no npm; run: make deps" >&2
		exit 1
	}
	echo "fetch-npm: $name from npm" >&2
	rm -rf "$modules" "$cache/.checked"
	cp "$pinned/package.json" "$pinned/package-lock.json" "$cache/"
	# npm refuses what does not have the lock file's checksum.
	(cd "$cache" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || {
		grep -i 'npm.*err' "$cache/npm.log" | head -n 5 >&2
		echo "fetch-npm: npm could not fetch $name (see above); is there a network?" >&2
		exit 1
	}
	cp "$pinned/package-lock.json" "$cache/.checked"
fi
echo "$modules"
