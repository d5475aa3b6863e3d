#!/bin/bash
# Shipping into OpenStack Swift, whose S3 interface checks every signature: keys, parts, uploads taken up again, clocks that jump.
# usage: swift.sh AUTOPSY TOOLS_DIR
#
# SWIFT_CUTS=N: kills of the server in the middle of a part (10).
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
cuts=${SWIFT_CUTS:-10}
command -v python3 >/dev/null || { echo "SKIP: Swift needs python3"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "SKIP: Swift is started as root here"; exit 77; }
tree=$("$here/../../scripts/fetch-swift.sh") || { echo "SKIP: Swift cannot be had"; exit 77; }
dir=$(mktemp -d /tmp/apw.XXXX) || exit 1
trap stop_servers EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
export AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=testing XDG_CACHE_HOME=$dir/cache
unset AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_REGION http_proxy HTTP_PROXY

free_ports() { python3 -c 'import socket, sys
s = [socket.socket() for _ in range(int(sys.argv[1]))]
[x.bind(("127.0.0.1", 0)) for x in s]
print(*[x.getsockname()[1] for x in s])' "$1"; }
wait_for() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }

# shellcheck disable=SC2034
read -r object container account proxy memory <<<"$(free_ports 5)"
mkdir -p etc srv/sdb1 run
cat >etc/swift.conf <<'CONF'
[swift-hash]
swift_hash_path_prefix = autopsy
swift_hash_path_suffix = tests
[storage-policy:0]
name = gold
default = yes
CONF
for kind in object container account; do
	cat >etc/$kind.conf <<CONF
[DEFAULT]
devices = $dir/srv
mount_check = false
user = root
swift_dir = $dir/etc
bind_ip = 127.0.0.1
bind_port = ${!kind}
workers = 0
fallocate_reserve = 0
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
[$kind-replicator]
[$kind-updater]
[$kind-auditor]
CONF
done
cat >etc/proxy.conf <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $proxy
workers = 0
user = root
swift_dir = $dir/etc
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats bulk s3api tempauth slo dlo symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memory
CONF
for filter in catch_errors gatekeeper listing_formats bulk slo dlo symlink; do
	printf '[filter:%s]\nuse = egg:swift#%s\n' $filter $filter >>etc/proxy.conf
done
swift() {
	local program=$1
	shift
	PYTHONPATH=$tree/usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1 SWIFT_CONF_FILE=$dir/etc/swift.conf \
		LD_LIBRARY_PATH=$tree/usr/lib/x86_64-linux-gnu exec python3 -W ignore "$tree/usr/bin/$program" "$@"
}
for kind in object container account; do
	for step in "create 4 1 0" "add --region 1 --zone 1 --ip 127.0.0.1 --port ${!kind} --device sdb1 --weight 1" rebalance; do
		# shellcheck disable=SC2086
		(swift swift-ring-builder etc/$kind.builder $step) >>ring.log 2>&1
	done
done
[ -f etc/object.ring.gz ] || { tail -n 5 ring.log; echo "SKIP: Swift does not run on this machine"; exit 77; }
LD_LIBRARY_PATH=$tree/usr/lib/x86_64-linux-gnu "$tree/usr/bin/memcached" -u root -l 127.0.0.1 -p "$memory" >memory.log 2>&1 &
servers="$servers $!"
for kind in account container object; do
	swift swift-$kind-server etc/$kind.conf -v >$kind.log 2>&1 &
	servers="$servers $!"
done
start_proxy() {
	swift swift-proxy-server etc/proxy.conf -v >>proxy.log 2>&1 &
	server=$!
	servers="$servers $server"
	wait_for curl -sf "http://127.0.0.1:$proxy/auth/v1.0" -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing'
}
start_proxy || { tail -n 5 proxy.log; bad "Swift does not start"; exit 1; }
token=$(curl -si "http://127.0.0.1:$proxy/auth/v1.0" -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' | tr -d '\r' | awk 'tolower($1) == "x-auth-token:" { print $2 }')
curl -sf -X PUT -H "X-Auth-Token: $token" "http://127.0.0.1:$proxy/v1/AUTH_test/cores" || { bad "no bucket can be made"; exit 1; }

cat >c <<CONF
spool = $dir/spool
reserve = 1%
quota = 90%
cri = none
s3_bucket = cores
s3_endpoint = http://127.0.0.1:$proxy
s3_prefix = k 1+&ü/{namespace}/
s3_part = 5M
s3_tries = 2
CONF
crash() {
	local d=spool/crashes/01900000-0000-7000-8000-0000000$1
	mkdir -p "$d"
	chmod 700 spool spool/crashes "$d"
	echo '{"time_unix":1718000000,"host":"n1","hostname":"web","ns_pid":7,"uid":0,"signal":6,"comm":"'"$3"'","exe":"/usr/bin/node","namespace":"shop"}' >"$d/meta.json"
	echo '{"state":"done","core":"whole"}' >"$d/state.json"
	echo '{"kind":"js","fingerprint":"0011223300112233"}' >"$d/stack.json"
	zstd -q -1 -f "$2" -o "$d/core.zst"
}
head -c 22000000 /dev/urandom >big
echo tiny >tiny
same() { rm -f back; tool dump s3://cores "$1" -o back >/dev/null 2>err && cmp -s back "$2"; }

crash 000a1 tiny one
AWS_SECRET_ACCESS_KEY=wrong tool agent sweep >out 2>&1
is "a wrong secret: refused, said with a hint, kept" "$? $(grep -c 'SignatureDoesNotMatch.*check keys' out) $(ls spool/crashes)" "1 1 01900000-0000-7000-8000-0000000000a1"
tool agent sweep >out 2>&1
is "the right one, and a key that must be encoded" "$? $(grep -c '0000a1 shipped' out)" "0 1"
if same 0000000000a1 tiny; then ok "and back"; else bad "a small core differs: $(cat err)"; fi

crash 000a2 big two
CLOCK_OFF=90000 LD_PRELOAD=$tools/clock.so tool agent sweep >out 2>&1
is "a clock a day ahead, in parts" "$? $(grep -c '0000a2 shipped' out)" "0 1"
if same 0000000000a2 big; then ok "and back"; else bad "a core in parts differs: $(cat err)"; fi
crash 000a3 tiny three
CLOCK_OFF=-90000 LD_PRELOAD=$tools/clock.so tool agent sweep >out 2>&1
is "a clock a day behind" "$? $(grep -c '0000a3 shipped' out)" "0 1"

# The agent is killed when parts are there: the next one sends only the others.
crash 000b1 big four
"$autopsy" agent sweep -c c >out 2>&1 &
pid=$!
# Swift keeps them in a container of their own.
part_there() { curl -sf -H "X-Auth-Token: $token" "http://127.0.0.1:$proxy/v1/AUTH_test/cores%2Bsegments" | grep -q '0000b1.*/1$'; }
wait_for part_there
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
if compgen -G 'spool/crashes/*0000b1/shipped.json' >/dev/null; then
	ok "(it was too fast to be killed)"
else
	tool agent sweep >out 2>&1
	is "an upload is taken up again" "$? $(grep -c '0000b1 upload taken up again' out)" "0 1"
fi
if same 0000000000b1 big; then ok "whole"; else bad "differs: $(cat err)"; fi

# The server killed in the middle of a part.
crash 000b2 big five
for i in $(seq "$cuts"); do
	"$autopsy" agent sweep -c c >out 2>&1 &
	pid=$!
	sleep "0.$(printf %02d $((i * 13 % 80 + 10)))"
	kill -9 "$server"
	wait "$server" 2>/dev/null
	wait $pid
	start_proxy
done
tool agent sweep >out 2>&1
if same 0000000000b2 big; then ok "server killed $cuts times: whole at last"; else bad "server killed $cuts times: $(cat out err)"; fi

# An upload whose crash is gone: aborted when it is a day old.
crash 000c1 big six
"$autopsy" agent sweep -c c >out 2>&1 &
pid=$!
wait_for grep -q 'upload_id":"[^"]' spool/crashes/01900000-0000-7000-8000-0000000000c1/ship.json
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
rm -rf spool/crashes/*0000c1
tool agent sweep >out 2>&1
is "an upload that nobody will finish: not on its first day" "$(grep -c aborted out)" 0
CLOCK_OFF=200000 LD_PRELOAD=$tools/clock.so tool agent sweep >out 2>&1
is "then aborted" "$(grep -c 'uploads aborted' out)" 1
is "list" "$(tool list s3://cores --json | grep -o '"uuid"' | wc -l)" 5
exit $fail
