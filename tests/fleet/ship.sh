#!/bin/bash
# Crashes on their way into a bucket and back, with a real store (s3rver): what arrives, what does not, and that nothing is lost
# or half there when servers and agents are killed.
# usage: ship.sh AUTOPSY TOOLS_DIR
#
# SHIP_POINTS=N: kills of the agent (20), SHIP_CUTS=N: kills of the server in the middle of a part (10).
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
points=${SHIP_POINTS:-20} cuts=${SHIP_CUTS:-10}
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1
s3rver=$("$here/../../scripts/fetch-s3rver.sh") || { echo "SKIP: s3rver cannot be had"; exit 77; }
dir=$(mktemp -d /tmp/aps.XXXX) || exit 1
trap stop_servers EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER XDG_CACHE_HOME=$dir/cache
unset AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_REGION http_proxy HTTP_PROXY

wait_for() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.05; done; return 1; }
have() { compgen -G "$1" >/dev/null; }
free_port() { "$node" -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });'; }

port=$(free_port)
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$port"); }
store() {
	# Its own node, as it is used everywhere; s3rver is not made for the newest.
	"$node" --no-deprecation -r "$here/store-whole.js" "$s3rver" -d "$dir/data" -a 127.0.0.1 -p "$port" --configure-bucket cores >>"$dir/store.log" 2>&1 &
	server=$!
	servers="$servers $server"
	wait_for listening || { cat store.log; bad "the store does not start"; exit 1; }
}
store

conf() {
	cat >c <<CONF
spool = $dir/spool
reserve = 1%
quota = 90%
cri = none
s3_bucket = cores
s3_endpoint = http://127.0.0.1:$port
s3_prefix = k1/{namespace}/
s3_part = 5M
s3_tries = 2
$1
CONF
}
# crash ID CORE_FILE NAMESPACE COMM: a crash as the handler leaves it, looked at by the agent before
crash() {
	local d=spool/crashes/01900000-0000-7000-8000-0000000$1
	mkdir -p "$d"
	chmod 700 spool spool/crashes "$d"
	"$node" -e 'const [id, ns, comm, at] = process.argv.slice(1); console.log(JSON.stringify({uuid: id, time_unix: 1718000000, host: "n1",
		hostname: "web", pid: 4242, ns_pid: 7, uid: 0, signal: 6, signal_name: "SIGABRT", comm, exe: "/usr/bin/" + comm, core_limit: "unlimited",
		namespace: ns, pod: "web"}))' "${d##*/}" "$3" "$4" >"$d/meta.json"
	echo '{"state":"done","core":"whole","core_bytes":1,"stored_bytes":1}' >"$d/state.json"
	echo '{"kind":"js","fingerprint":"00112233'"$1"'4","verdict":"Error: x","verdict_kind":"uncaught-error","top":"f (a.js:1)"}' >"$d/stack.json"
	zstd -q -1 -f "$2" -o "$d/core.zst"
	head -c 3000 "$2" | zstd -q -1 -f -o "$d/mini.core.zst"
}
objects() { find data/cores -name '*.zip._S3rver_object' 2>/dev/null; }
# half_there WHAT: how many objects of that name are not whole
half_there() { for object in $(objects | grep "$1"); do unzip -tqq "$object" >/dev/null 2>&1 || echo "$object"; done | wc -l; }
head -c 12000000 /dev/urandom >big
printf 'tiny core\n' >tiny

# What arrives: two pods of one name in two namespaces, and a name that would like to be something else.
conf "event_file = $dir/events
ship_folder = $dir/dumps"
crash 000a1 big shop node
crash 000a2 tiny bank node
crash 000a3 tiny bank $'../../x","y":"\n\033[31m'
mkdir dumps
echo '{"panic":1}' >dumps/core.1.json
touch -d '1 minute ago' dumps/core.1.json
echo new >dumps/still-being-written
tool agent --once >out 2>&1
is "agent --once" $? 0
is "three crashes and a file lie in the bucket" "$(objects | wc -l) $(find data -name '*core.1.json._S3rver_object' | wc -l)" "3 1"
is "a file that changed a moment ago does not" "$(find data -name '*still*' | wc -l)" 0
is "the key is core-dump-handler's" "$(find data/cores/k1/shop -name '*_object' -printf '%f\n')" "01900000-0000-7000-8000-0000000000a1-dump-1718000000-web-node-7-6.zip._S3rver_object"
is "each namespace has its prefix" "$(objects | grep -c k1/bank/)" 2
is "a hostile name stays where it belongs" "$(find data -path '*etc*' -o -name '*y":*' | wc -l)" 0
cp "$(objects | grep k1/shop)" a1.zip
is "any unzip reads it" "$(unzip -tq a1.zip | grep -c 'No errors')" 1
n=01900000-0000-7000-8000-0000000000a1-dump-1718000000-web-node-7-6
is "the core in it" "$(unzip -p a1.zip "$n.core" | sha256sum)" "$(sha256sum <big)"
tool dump --zip 0000000000a1 -o local.zip >/dev/null
cmp -s a1.zip local.zip && ok "dump --zip: the same bytes as in the bucket" || bad "dump --zip differs"
is "dump-info as core-dump-handler has it" "$(unzip -p a1.zip "$n-dump-info.json" | "$node" -e 'const d = JSON.parse(require("fs").readFileSync(0)); console.log(d.real_pid, d.signal, d.exe, d.hostname, d.dump_file, d.path)')" "7 6 node web $n.core !usr!bin!node"
is "an event a crash" "$("$node" -e 'console.log(require("fs").readFileSync("events", "utf8").trim().split("\n").map((l) => JSON.parse(l)).map((e) => `${e.event} ${e.namespace}`).sort().join())')" "shipped bank,shipped bank,shipped shop"
tool agent --once >out 2>&1
is "again: nothing to do" "$? $(grep -c zip out)" "0 0"

# What comes back.
is "list" "$(tool list s3://cores/k1/ --json | js 'd.crashes.map((c) => c.namespace).sort().join()')" "bank,bank,shop"
is "list --namespace" "$(tool list s3://cores --namespace shop --json | js 'd.crashes[0].key')" "k1/shop/$n.zip"
is "list --fingerprint" "$(tool list s3://cores --fingerprint 00112233000a2 --json | js d.crashes.length)" 1
is "list --program, --signal, -n" "$(tool list s3://cores --program node --signal ABRT -n 1 --json | js d.crashes.length)" 1
is "list --since: by the time in the id" "$(tool list s3://cores --since 1h --json | js d.crashes.length)" 0
is "list --group" "$(tool list s3://cores --group --json | js d.groups.length)" 3
is "no control characters in list" "$(tool list s3://cores | tr -d '\n' | tr -cd '\000-\037' | wc -c)" 0
is "info" "$(tool info --json s3://cores 0000000000a1 | js '`${d.meta.pod} ${d.state.core} ${d.stack.fingerprint} ${d.there}`')" "web whole 00112233000a14 whole"
tool dump s3://cores 0000000000a1 -o back >/dev/null
cmp -s back big && ok "dump: the same bytes" || bad "dump differs"
before=$(grep -c 'GET.*\.zip\|zip 206' store.log)
tool dump --mini "s3://cores/k1/shop/$n.zip" -o mini >/dev/null
cmp -s mini <(head -c 3000 big) && ok "dump --mini, by the object's own address" || bad "dump --mini differs"
is "which takes two requests, not the object" "$(($(grep -c 'GET.*\.zip\|zip 206' store.log) - before <= 3))" 1
tool fetch s3://cores 0000000000a1 -o taken >/dev/null
is "fetch" "$(cd taken && echo *)" "core dump-info.json meta.json mini.core stack.json state.json"
tool info s3://cores nosuchcrash >out 2>&1
is "no such crash" $? 2
tool list s3://nosuch >out 2>&1
is "no such bucket: said, with a hint" "$? $(grep -c 'check bucket' out)" "2 1"
printf 'PK\003\004 this is no zip' >data/cores/k1/broken.zip._S3rver_object
cp data/cores/k1/shop/*metadata.json data/cores/k1/broken.zip._S3rver_metadata.json
printf %s "$(md5sum <data/cores/k1/broken.zip._S3rver_object | cut -d' ' -f1)" >data/cores/k1/broken.zip._S3rver_object.md5
tool list s3://cores --json >out 2>err
is "a bundle that is none: named, counted, status 1" "$? $(js 'd.crashes.length + " " + d.unreadable' <out) $(grep -c broken.zip err)" "1 3 1 1"
rm -f data/cores/k1/broken*

# A download that broke off goes on where it was.
rm -rf cache
"$autopsy" dump -c c s3://cores 0000000000a1 -o again >/dev/null 2>&1 &
pid=$!
wait_for sh -c '[ "$(find cache -name "*.part" -size +1M | wc -l)" = 1 ]'
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
half=$(find cache -name '*.part' -printf '%s')
rm -f again
tool dump s3://cores 0000000000a1 -o again >/dev/null
cmp -s again big && ok "a download taken up again (${half:-all} bytes were there)" || bad "a download that was taken up again differs"

# A real one: the JavaScript stack out of the bucket, the executable from there, too.
cat >die.js <<'JS'
function inner(x) { throw new TypeError('kaputt ' + x); }
function outer(x) { return inner(x + 1); }
outer(41);
JS
"$tools/mkcore" -o real -- "$node" --abort-on-uncaught-exception "$dir/die.js" >/dev/null 2>&1
if [ -s real ]; then
	crash 000b1 real shop node
	id=$(readelf -n "$node" 2>/dev/null | awk '/Build ID/ { print $3 }')
	mkdir -p spool/programs
	chmod 700 spool/programs
	cp "$node" "spool/programs/$id"
	sed -i "s/\"pid\":/\"build_id\":\"$id\",\"pid\":/" spool/crashes/*0000b1/meta.json
	tool agent --once >out 2>&1
	is "the executable is shipped once" "$(find data/cores/k1/programs -name '*_object' | wc -l)" 1
	is "debug: stack and object" "$(tool debug s3://cores/k1/shop 0000000000b1 -e bt 2>/dev/null | grep -c 'inner.*die.js:1')" 1
	tool dump --zip 0000000000b1 -o b1.zip >/dev/null
	is "a bundle opens as it is" "$("$autopsy" "$node" b1.zip -e bt 2>/dev/null | grep -c 'inner.*die.js:1')" 1
	is "also from a pipe" "$("$autopsy" "$node" - -e bt <b1.zip 2>/dev/null | grep -c 'inner.*die.js:1')" 1
	"$autopsy" "$node" a1.zip -e bt >out 2>&1
	is "one without a real core: said" $? 2
	cmp -s "cache/autopsy/programs/$id" "$node" && ok "with the executable out of the bucket" || bad "the executable differs"
else
	bad "no core of node can be made"
fi

# The store is down, then it is not: nothing is lost meanwhile.
crash 000c1 tiny shop node
kill -9 "$server"
wait "$server" 2>/dev/null
tool agent --once >out 2>&1
is "the store is down: status 1, said, kept" "$? $(grep -cm1 'refused\|connect' out) $(find spool/crashes/*0000c1 -name core.zst | wc -l)" "1 1 1"
is "not asked again at once" "$("$node" -e 'const s = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(s.attempts, s.not_before > Date.now() / 1000)' spool/crashes/*0000c1/ship.json)" "1 true"
store
tool agent sweep >out 2>&1
is "sweep does not wait" "$? $(grep -c '0000c1 shipped' out)" "0 1"
AWS_ACCESS_KEY_ID='' HOME=/nonexistent tool agent sweep >out 2>&1
is "nothing to ship needs no keys" $? 0

# A store that accepts and then says nothing keeps nobody for long.
conf "s3_stall = 1s
s3_tries = 1"
sed -i '/^s3_tries = 2/d' c
crash 000c2 tiny shop stalled
kill -STOP "$server"
begin=$SECONDS
tool agent sweep >out 2>&1
is "a store that stands still: status 1, kept" "$? $(find spool/crashes/*0000c2 -name core.zst | wc -l)" "1 1"
if [ $((SECONDS - begin)) -lt 60 ]; then ok "in $((SECONDS - begin)) s"; else bad "after $((SECONDS - begin)) s"; fi
kill -CONT "$server"
tool agent sweep >out 2>&1
is "and shipped when it goes on" "$? $(grep -c '0000c2 shipped' out)" "0 1"

# Killed in the middle of a part, again and again.
conf ""
crash 000d1 big shop cut
for i in $(seq "$cuts"); do
	"$autopsy" agent sweep -c c >out 2>&1 &
	pid=$!
	sleep "0.$(printf %02d $((i * 7 % 60 + 5)))"
	kill -9 "$server"
	wait "$server" 2>/dev/null
	wait $pid
	store
	is "server killed ($i): no object that is not whole" "$(half_there cut-7)" 0
done
tool agent sweep >out 2>&1
is "at last it is there, whole" "$(unzip -p "$(objects | grep cut-7)" '*-6.core' | sha256sum)" "$(sha256sum <big)"

# The agent killed at any point.
lost=0 half=0
for i in $(seq "$points"); do
	crash "00e$(printf %02d "$i")" big shop "kill$i"
	"$autopsy" agent sweep -c c >out 2>&1 &
	pid=$!
	sleep "$(awk -v i="$i" -v n="$points" 'BEGIN { printf "%.3f", 0.02 + 1.5 * i / n }')"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	half=$((half + $(half_there "kill$i-7")))
	have "spool/crashes/*00000e$(printf %02d "$i")/core.zst" || lost=$((lost + 1))
done
is "agent killed at $points points: nothing half in the bucket" $half 0
is "and nothing lost here" $lost 0
tool agent sweep >out 2>&1
is "the next agent ships the rest" "$? $(objects | grep -c 'kill[0-9]*-7')" "0 $points"
for object in $(objects | grep 'kill[0-9]*-7'); do
	[ "$(unzip -p "$object" '*-6.core' | sha256sum)" = "$(sha256sum <big)" ] || bad "$object differs"
done

# Shipped ones go by the rules, others stay.
conf "ship_keep = 0s"
crash 000f1 tiny shop node
tool agent --once >out 2>&1
is "ship_keep = 0s: shipped ones are gone from here" "$(find spool/crashes -mindepth 1 -maxdepth 1 | wc -l)" 0

# A web hook that is down does not keep anything from being shipped, and hears of it later.
hook=$(free_port)
conf "event_url = http://127.0.0.1:$hook/hook"
crash 000f2 tiny shop node
tool agent --once >out 2>&1
is "web hook down" "$? $(find spool/crashes/*0000f2 -name shipped.json -o -path '*0000f2/event.json' | wc -l)" "1 2"
"$node" -e 'require("http").createServer((q, r) => { let b = ""; q.on("data", (d) => b += d).on("end", () => { require("fs").appendFileSync("hooked", b); r.end(); }); }).listen(+process.argv[1], "127.0.0.1")' "$hook" &
servers="$servers $!"
wait_for sh -c "exec 3<>/dev/tcp/127.0.0.1/$hook" || sleep 1
tool agent --once >out 2>&1
is "web hook up: told once" "$? $(grep -c '"event":"shipped"' hooked)" "0 1"

# What goes over the wire in the other styles: heard by a server that only listens.
wire=$(free_port)
"$node" -e 'require("http").createServer((q, r) => { q.resume(); require("fs").appendFileSync("heard", JSON.stringify([q.method, q.url, q.headers]) + "\n"); r.statusCode = 403; r.end(); }).listen(+process.argv[1], "127.0.0.1")' "$wire" &
servers="$servers $!"
wait_for sh -c "exec 3<>/dev/tcp/127.0.0.1/$wire" || sleep 1
heard() { "$node" -e 'const [m, u, h] = JSON.parse(require("fs").readFileSync("heard", "utf8").trim().split("\n").pop()); console.log(eval(process.argv[1]));' "$1"; }
conf "s3_style = virtual
s3_endpoint = http://localhost:$wire
s3_encryption = aws:kms
s3_encryption_key = key-1"
crash 000f5 tiny shop node
AWS_SESSION_TOKEN=tok tool agent sweep 0000000000f5 >out 2>&1
is "virtual-host style, token, encryption" "$(heard '`${m} ${u.split("/").length} ${h.host.replace(/\d+/, "")} ${h["x-amz-security-token"]} ${h["x-amz-server-side-encryption"]} ${h["x-amz-server-side-encryption-aws-kms-key-id"]}`')" "PUT 4 cores.localhost: tok aws:kms key-1"
is "all of them are signed" "$(heard '/SignedHeaders=[^,]*host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-server-side-encryption;x-amz-server-side-encryption-aws-kms-key-id,/.test(h.authorization)')" true
conf "s3_endpoint = http://store.invalid
s3_proxy = http://127.0.0.1:$wire"
tool agent sweep 0000000000f5 >out 2>&1
is "through a proxy" "$(heard 'u.startsWith("http://store.invalid/cores/k1/shop/")')" true
rm -rf spool/crashes/*0000f5

conf ""
# A core that does not unpack: the facts arrive, and why the core did not.
crash 000f3 big shop damaged
truncate -s 7000000 spool/crashes/*0000f3/core.zst
tool agent --once >out 2>&1
is "a damaged core: no core, but the facts" "$? $(tool list s3://cores --program damaged --json | js '`${d.crashes[0].there} ${/cut off/.test(d.crashes[0].reason)}`')" "0 facts true"

# A core over 4 GB: Zip64, hundreds of parts, and the memory of one.
if [ -n "${SHIP_HUGE:-}" ]; then
	conf "s3_part = 8M"
	{ head -c 300000000 /dev/urandom; head -c 4500000000 /dev/zero; head -c 1000 /dev/urandom; } | tee >(sha256sum >huge.sum) | zstd -q -1 -o huge.zst
	crash 000f9 tiny shop huge
	mv huge.zst "$(echo spool/crashes/*0000f9)/core.zst"
	"$tools/measure" -- "$autopsy" agent sweep -c c >measured
	is "a core over 4 GB" "$(unzip -p "$(objects | grep huge-7)" '*-6.core' | sha256sum)" "$(cat huge.sum)"
	is "in the memory of one part" "$(awk "{ print (\$2 < 64000) }" measured)" 1
fi

# The daemon ships what comes, and ends when asked.
"$autopsy" agent -c "$dir/c" >agent.log 2>&1 &
pid=$!
sleep 0.5
crash 000f4 tiny shop daemon
wait_for sh -c 'ls spool/crashes/*0000f4/shipped.json'
is "a running agent ships" "$(objects | grep -c daemon-7)" 1
kill $pid
wait $pid
is "SIGTERM ends it" $? 0
exit $fail
