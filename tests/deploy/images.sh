#!/bin/bash
# The two images of deploy/docker, built as their Dockerfiles say, on a Debian made here (no registry is asked); what is in the
# agent's; and the debug image's way from the address of a bundle to the JavaScript stack.
# usage: images.sh AUTOPSY TOOLS_DIR        minutes, and 3 GB below TMPDIR: a part of `make soak`
set -u
. "$(dirname "$0")/../fleet/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
root=$(cd "$(dirname "$0")/../.." && pwd)
[ "$(id -u)" = 0 ] || { echo "SKIP: images are built by root here"; exit 77; }
for word in buildah debootstrap; do
	command -v $word >/dev/null || { echo "SKIP: there is no $word (apt-get install buildah debootstrap)"; exit 77; }
done
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/api.XXXX") || exit 1
# shellcheck disable=SC2317
clean() {
	for pid in $servers; do kill "$pid" && wait "$pid"; done 2>/dev/null
	# And what they started within the images.
	for process in /proc/[0-9]*; do
		case $(readlink "$process/root") in "$dir"/*) kill -9 "${process#/proc/}" ;; esac
	done 2>/dev/null
	umount "$dir"/tree-*/proc 2>/dev/null
	images umount -a >/dev/null 2>&1
	images rm -a >/dev/null 2>&1
	umount "$dir/store/overlay" 2>/dev/null
	rm -rf --one-file-system "$dir"
}
trap clean EXIT
cd "$dir" || exit 1

images() {
	local verb=$1
	shift
	buildah --root "$dir/store" --runroot "$dir/run" "$verb" "$@"
}
build() { images bud --isolation chroot --network host --pull-never -q "$@" "$root/" >>build.log 2>&1 || { tail -n 20 build.log; bad "build $*"; exit 1; }; }
# tree IMAGE: its files below tree-IMAGE
tree() {
	local container
	container=$(images from --pull-never -q "$1") && ln -s "$(images mount "$container")" "tree-$1"
}

debootstrap --variant=minbase bookworm base http://deb.debian.org/debian >base.log 2>&1 || { echo "SKIP: no Debian can be had: $(tail -n 1 base.log)"; exit 77; }
container=$(images from scratch) && images add -q "$container" base / >/dev/null && images config --cmd bash "$container" &&
	images commit -q "$container" docker.io/library/debian:12-slim >/dev/null || { bad "no base image"; exit 1; }
rm -rf base
build -f "$root/deploy/docker/Dockerfile" -t autopsy:0.1.0
ok "Dockerfile"
build -f "$root/deploy/docker/debug.Dockerfile" --build-arg BASE=autopsy:0.1.0 -t autopsy-debug:0.1.0
ok "debug.Dockerfile"

tree autopsy:0.1.0
in=tree-autopsy:0.1.0
is "the agent's image runs it" "$(chroot $in autopsy --version)" "$("$autopsy" --version)"
is "every library is there" "$(chroot $in ldd /usr/bin/autopsy | grep -c 'not found')" 0
is "what goes to the host needs none" "$(chroot $in ldd /usr/bin/autopsy-host 2>&1 | grep -c 'not a dynamic executable')" 1
is "no compiler is left in it" "$(chroot $in sh -c 'command -v gcc cmake')" ""

# A bundle as the agent ships it, at an address.
printf 'function inner(x) { throw new TypeError("kaputt " + x); }\ninner(42);\n' >die.js
"$tools/mkcore" -o core -- "$node" --abort-on-uncaught-exception "$dir/die.js" >/dev/null 2>&1
d=spool/crashes/01900000-0000-7000-8000-0000000000a1
mkdir -p "$d"
chmod 700 spool spool/crashes "$d"
echo '{"uuid":"'"${d##*/}"'","time_unix":1718000000,"host":"n1","hostname":"web","ns_pid":7,"signal":5,"comm":"node","exe":"/usr/bin/node"}' >$d/meta.json
echo '{"state":"done","core":"whole"}' >$d/state.json
zstd -q -1 core -o $d/core.zst
echo "spool = $dir/spool" >c
tool dump --zip 0000000000a1 -o a1.zip >/dev/null || bad "no bundle"
"$node" -e 'const s = require("http").createServer((q, r) => require("fs").createReadStream("a1.zip").pipe(r)).listen(0, "127.0.0.1",
	() => require("fs").writeFileSync("port", String(s.address().port)))' &
servers=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done

tree autopsy-debug:0.1.0
in=tree-autopsy-debug:0.1.0
mkdir "$in/shared"
cp "$node" "$in/shared/node"
mount -t proc proc "$(readlink -f $in)/proc" || bad "no proc"
# inside COMMAND: as the debug pod does, with its user and environment
inside() {
	env -i PATH=/usr/sbin:/usr/bin:/bin CORE_URL="http://127.0.0.1:$(cat port)/a1.zip?signed" CORE_FILE=a1.zip EXE_LOCATION=/shared/node \
		CORE_LOCATION="a1/$(unzip -Z1 a1.zip '*-5.core')" WAIT_SECONDS=60 chroot --userspec=1001:1001 "$in" sh -c "cd /debug && $1"
}
inside 'exec ./init.sh' >init.log 2>&1 &
servers="$servers $!"
is "init.sh and rundebug.sh: the stack" "$(inside './rundebug.sh -e bt' 2>err | grep -c 'inner.*die.js:1')" 1
is "the address is in nobody's arguments" "$(pgrep -fc "a1.zip[?]signed")" 0
exit $fail
