#!/bin/sh
# Makes sure that OpenStack Swift with its S3 interface, a store for tests that checks signatures, is in the cache, and prints
# its folder. Debian's packages are unpacked there, not installed: no service starts.
#
# Cache: ${AUTOPSY_CACHE:-~/.cache/autopsy}/swift-VERSION/
set -eu

cache=${AUTOPSY_CACHE:-$HOME/.cache/autopsy}

die() {
	echo "fetch-swift: $*" >&2
	exit 1
}

mkdir -p "$cache"
# One at a time. Released when this process ends.
exec 9>"$cache/.swift.lock"
flock 9
version=$(apt-cache policy swift-proxy 2>/dev/null | awk '/Candidate:/ { print $2 }')
if [ -z "$version" ] || [ "$version" = "(none)" ]; then
	ready=$(find "$cache" -maxdepth 1 -name 'swift-*' | head -n 1)
	[ -n "$ready" ] || die "apt knows no swift-proxy (apt-get update?)"
	version=${ready##*/swift-}
fi
tree=$cache/swift-$version
if [ ! -f "$tree/.complete" ]; then
	command -v dpkg-deb >/dev/null || die "there is no dpkg-deb"
	echo "fetch-swift: Swift $version from apt" >&2
	temp=$(mktemp -d "$cache/.fetch.XXXXXX")
	trap 'rm -rf "$temp"' EXIT
	trap 'exit 130' INT TERM
	mkdir -p "$temp/deb/partial" "$temp/tree"
	# With what it needs and is not here; apt checks the packages against its signed lists.
	tries=0
	until apt-get -qq -y -d --no-install-recommends -o APT::Sandbox::User=root -o Dir::Cache::archives="$temp/deb" \
		-o DPkg::Lock::Timeout=120 install swift-proxy swift-account swift-container swift-object memcached >"$temp/log" 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 5 ] || {
			tail -n 3 "$temp/log" >&2
			die "apt-get could not download Swift"
		}
		sleep 5
	done
	for deb in "$temp"/deb/*.deb; do
		dpkg-deb -x "$deb" "$temp/tree"
	done
	# Its configuration is where the test says, not in /etc.
	sed -i "s|^SWIFT_CONF_FILE = '/etc/swift/swift.conf'|SWIFT_CONF_FILE = os.environ.get('SWIFT_CONF_FILE', '/etc/swift/swift.conf')|" \
		"$temp/tree/usr/lib/python3/dist-packages/swift/common/utils.py"
	rm -rf "$tree"
	touch "$temp/tree/.complete"
	mv "$temp/tree" "$tree"
fi
echo "$tree"
