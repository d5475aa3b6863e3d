#!/bin/bash
# The agent and the disk of its spool: one that is full, one that stands still (a frozen ext4: whoever writes waits, and not even
# SIGKILL wakes him) and goes on later. Nothing is lost, nothing half is shipped, and SIGTERM ends whom the kernel lets end.
# usage: disk.sh AUTOPSY TOOLS_DIR
#
# DISK_STALLS=N: moments of an upload at which the disk stops (10).
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
stalls=${DISK_STALLS:-10}
[ "$(id -u)" = 0 ] || { echo "SKIP: a file system can only be mounted by root"; exit 77; }
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1
s3rver=$("$here/../../scripts/fetch-s3rver.sh") || { echo "SKIP: s3rver cannot be had"; exit 77; }
dir=$(mktemp -d /tmp/apk.XXXX) || exit 1
mounted=
# shellcheck disable=SC2317
clean() {
	fsfreeze -u "$dir/spool" 2>/dev/null
	for pid in $servers; do kill -9 "$pid" && wait "$pid"; done 2>/dev/null
	[ -n "$mounted" ] && umount "$dir/spool"
	rm -rf "$dir"
}
trap clean EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER
unset AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_REGION http_proxy HTTP_PROXY

mkdir spool
truncate -s 160M disk
if ! mkfs.ext4 -q -F disk || ! mount -o loop disk spool; then
	echo "SKIP: no file system can be mounted from a file"
	exit 77
fi
mounted=1
chmod 700 spool
mkdir -m 700 spool/crashes spool/new

wait_for() { for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return 0; sleep 0.05; done; return 1; }
port=$("$node" -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });')
"$node" --no-deprecation -r "$here/store-whole.js" "$s3rver" -d "$dir/data" -a 127.0.0.1 -p "$port" --configure-bucket cores >store.log 2>&1 &
servers=$!
wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" || { bad "the store does not start"; exit 1; }
cat >c <<CONF
spool = $dir/spool
reserve = 1%
quota = 90%
cri = none
stack_time = 8s
s3_bucket = cores
s3_endpoint = http://127.0.0.1:$port
s3_part = 5M
CONF

cat >die.js <<'JS'
function inner(x) { throw new TypeError('kaputt ' + x); }
inner(42);
JS
"$tools/mkcore" -o real -- "$node" --abort-on-uncaught-exception "$dir/die.js" >/dev/null 2>&1
"$tools/mkmini" real mini >/dev/null || { bad "no minicore can be made"; exit 1; }
rm -f real
head -c 12000000 /dev/urandom >big
printf 'tiny core\n' >tiny
zstd -q -1 big tiny

uuid() { echo "01900000-0000-7000-8000-0000000000$1"; }
# crash ID CORE [looked-at]: appears as the handler's do, all at once
crash() {
	local d
	d=spool/new/$(uuid "$1")
	mkdir -m 700 "$d"
	echo '{"uuid":"'"${d##*/}"'","time_unix":1718000000,"host":"n1","hostname":"web","ns_pid":7,"signal":6,"comm":"'"c$1"'","exe":"/usr/bin/node"}' >"$d/meta.json"
	echo '{"state":"done","core":"whole"}' >"$d/state.json"
	cp "$2.zst" "$d/core.zst"
	cp mini "$d/mini.core.zst"
	[ -n "${3:-}" ] && echo '{"kind":"js","fingerprint":"0011223344556677"}' >"$d/stack.json"
	[ -n "${4:-}" ] && echo "$4" >"$d/ship.json"
	mv "$d" spool/crashes/
}
object() { find data/cores -name "$(uuid "$1")*.zip._S3rver_object" 2>/dev/null; }
half_there() {
	find data/cores -name '*.zip._S3rver_object' 2>/dev/null | while read -r object; do
		unzip -tqq "$object" >/dev/null 2>&1 || echo "$object"
	done | wc -l
}
whole() { [ "$(unzip -p "$(object "$1")" '*-6.core' | sha256sum)" = "$(sha256sum <"$2")" ]; }
shipped() { [ -f "spool/crashes/$(uuid "$1")/shipped.json" ]; }
kind() { "$node" -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).kind' "spool/crashes/$(uuid "$1")/stack.json" 2>/dev/null; }
start() {
	"$autopsy" agent -c "$dir/c" >>agent.log 2>&1 &
	pid=$!
	servers="$servers $pid"
	# It looks at crashes when the process that ships them is there.
	wait_for pgrep -P "$pid"
	sleep 0.5
}
# A child of the agent's waits, and nobody can wake it.
# shellcheck disable=SC2317
child_waits() {
	local child
	for child in $(pgrep -P "$pid"); do
		grep -q '^State:.D' "/proc/$child/status" && return
	done
	return 1
}
# shellcheck disable=SC2317
no_child() { ! pgrep -f "$autopsy agent -c $dir/c|$autopsy.*spool/crashes"; }
# ends TITLE: on SIGTERM, in time, with status 0
ends() {
	local began=$SECONDS
	kill "$pid"
	wait "$pid"
	is "$1: status, in time" "$? $((SECONDS - began < 20))" "0 1"
}

# A full disk. Who ships what fills it must not end.
tool agent --once >out 2>&1
is "nothing to do" $? 0
crash a1 tiny
dd if=/dev/zero of=spool/filler bs=1M 2>/dev/null
dd if=/dev/zero bs=512 >>spool/filler 2>/dev/null
tool agent --once >out 2>&1
is "a full disk: status 1, said, kept" "$? $(grep -cm1 'no room' out) $(kind a1)$(object a1)" "1 1 "
touch agent.log
start
wait_for grep -q 'no room' agent.log
sleep 0.5
yes "the agent runs on" kill -0 "$pid"
rm spool/filler
crash a2 tiny
wait_for shipped a1 && wait_for shipped a2
is "with room again: both are looked at and shipped" "$(kind a1) $(kind a2) $(whole a1 tiny && whole a2 tiny && echo whole)" "js js whole"
ends "SIGTERM"

# It stands still at moments all over an upload.
wrong=0
for i in $(seq 10 $((stalls + 9))); do
	crash "$i" big looked-at
	"$autopsy" agent sweep -c c >out 2>&1 &
	pid=$!
	sleep "$(awk -v i="$i" -v n="$stalls" 'BEGIN { printf "%.3f", (i - 10) / n * 0.4 }')"
	fsfreeze -f spool
	sleep 0.7
	half=$(half_there)
	fsfreeze -u spool
	wait $pid
	status=$?
	if [ "$status $half" != "0 0" ] || ! shipped "$i" || ! whole "$i" big; then
		bad "moment $i: status $status, $half half in the bucket: $(cat out)"
		wrong=$((wrong + 1))
	fi
	rm -rf "spool/crashes/$(uuid "$i")"
done
is "the disk stands still at $stalls moments of an upload: whole in the end, never half" "$wrong" 0

# Shipping waits for the disk, and the agent shall end.
: >agent.log
start
crash b1 big looked-at '{"attempts":1,"not_before":'$(($(date +%s) + 3))'}'
fsfreeze -f spool
yes "shipping waits for the disk" wait_for child_waits
ends "SIGTERM while shipping waits"
is "it says who is left" "$(grep -c 'waits for a disk' agent.log)" 1
is "nothing is there" "$(object b1)" ""
fsfreeze -u spool
yes "who was left ends when the disk goes on" wait_for no_child
tool agent sweep >out 2>&1
is "the next agent ships it" "$? $(whole b1 big && echo whole) $(half_there)" "0 whole 0"

# The reader of a minicore waits. SIGSTOP: so that the disk stops before it reads.
waiting_reader() {
	kill -STOP "$pid"
	crash "$1" tiny
	fsfreeze -f spool
	kill -CONT "$pid"
	wait_for child_waits
}
: >agent.log
start
yes "the reader waits for the disk" waiting_reader d1
ends "SIGTERM while the reader waits"
fsfreeze -u spool
yes "it ends when the disk goes on" wait_for no_child
is "no stack is better than a wrong one" "$(kind d1)" ""
tool agent --once >out 2>&1
is "the next agent finds it" "$? $(kind d1)" "0 js"
start
yes "the reader waits for the disk for longer than it may read" waiting_reader d2
sleep 10
fsfreeze -u spool
yes "that is said" wait_for grep -q 'stood still' agent.log
is "and is no answer" "$(kind d2)" ""
crash d3 tiny
wait_for shipped d2
is "the answer comes when the disk goes on" "$(kind d2) $(whole d2 tiny && echo whole)" "js whole"
ends "SIGTERM"

# Links in place of what is the agent's.
rm -rf spool/scratch
mkdir trap
ln -s "$dir/trap" spool/scratch
tool agent --once >out 2>&1
is "scratch is a link: refused" "$? $(grep -c scratch out) $(ls trap)" "2 1 "
rm spool/scratch
crash e1 tiny looked-at
echo secret >secret
rm "spool/crashes/$(uuid e1)/core.zst"
zstd -q secret -o secret.zst
ln -s "$dir/secret.zst" "spool/crashes/$(uuid e1)/core.zst"
mv "spool/crashes/$(uuid d3)" elsewhere
ln -s "$dir/elsewhere" "spool/crashes/$(uuid d3)"
rm -f elsewhere/shipped.json
tool agent --once >out 2>&1
is "a core that is a link is not followed" "$(unzip -p "$(object e1)" '*-6.core' 2>/dev/null | grep -ac secret)" 0
is "nor a crash that is one" "$([ -e elsewhere/shipped.json ] && echo followed)" ""
exit $fail
