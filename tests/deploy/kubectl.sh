#!/bin/bash
# autopsy debug --kubectl with a kubectl that writes down what it is asked: the pod, its address of the core (which a real store
# accepts), retries, the shell, and that the pod goes however it ends. Then init.sh and rundebug.sh with what that pod was given.
# usage: kubectl.sh AUTOPSY
set -u
. "$(dirname "$0")/../fleet/lib.sh"
autopsy=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
s3rver=$("$root/scripts/fetch-s3rver.sh") || { echo "SKIP: s3rver cannot be had"; exit 77; }
dir=$(mktemp -d /tmp/apq.XXXX) || exit 1
store=
# shellcheck disable=SC2317
clean() {
	[ -n "$store" ] && kill "$store" && wait "$store"
	rm -rf "$dir"
} 2>/dev/null
trap clean EXIT
cd "$dir" || exit 1
export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER
unset AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_REGION http_proxy HTTP_PROXY

pod() { "$node" -e 'const d = JSON.parse(require("fs").readFileSync("pod.json", "utf8")); console.log(eval(process.argv[1]));' "$1"; }

port=$("$node" -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });')
"$node" --no-deprecation -r "$here/../fleet/store-whole.js" "$s3rver" -d "$dir/data" -a 127.0.0.1 -p "$port" --configure-bucket cores >store.log 2>&1 &
store=$!
for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done

mkdir bin
cat >bin/kubectl <<'SH'
#!/bin/bash
# What it is asked, a line each; how it answers is in the files that the test makes.
cd "$(dirname "$0")/.." || exit 1
echo "$*" >>calls
case "$1" in
apply) cat >pod.json; [ -f no-apply ] && exit 1; echo "Warning: would violate PodSecurity" >&2; echo created; exit 0 ;;
exec)
	case "$*" in
	*' -- true')
		n=$(cat waits 2>/dev/null || echo 0)
		[ "$n" -gt 0 ] && { echo $((n - 1)) >waits; echo 'error: unable to upgrade connection: container not found' >&2; exit 1; }
		exit 0 ;;
	*) [ -f shell-sleeps ] && { touch shell-runs; exec sleep 30; }; cat >typed; echo "the shell's words"; exit "$(cat shell-status 2>/dev/null || echo 0)" ;;
	esac ;;
delete)
	n=$(cat delete-fails 2>/dev/null || echo 0)
	[ "$n" -gt 0 ] && { echo $((n - 1)) >delete-fails; exit 1; }
	exit 0 ;;
esac
SH
chmod +x bin/kubectl
export PATH=$dir/bin:$PATH
cat >conf <<CONF
s3_bucket = cores
s3_endpoint = http://127.0.0.1:$port
s3_prefix = {namespace}/
CONF

# A bundle as it lies in the bucket: written by the agent's own code is fleet-ship's test; here any zip of that name.
base=a686e8f6-1b46-4e71-9d1a-3c65079ca686-dump-1634419098-node-crasher-node-8-4
mkdir "$base.d"
echo "a core" >"$base.d/$base.core"
(cd "$base.d" && "$node" -e '
	const zlib = require("zlib"), fs = require("fs");
	const name = process.argv[1], data = fs.readFileSync(name), crc = zlib.crc32(data), n = Buffer.from(name);
	const local = Buffer.alloc(30), central = Buffer.alloc(46), end = Buffer.alloc(22);
	local.writeUInt32LE(0x04034b50); local.writeUInt16LE(20, 4); local.writeUInt32LE(crc, 14);
	local.writeUInt32LE(data.length, 18); local.writeUInt32LE(data.length, 22); local.writeUInt16LE(n.length, 26);
	central.writeUInt32LE(0x02014b50); central.writeUInt16LE(20, 4); central.writeUInt16LE(20, 6); central.writeUInt32LE(crc, 16);
	central.writeUInt32LE(data.length, 20); central.writeUInt32LE(data.length, 24); central.writeUInt16LE(n.length, 28);
	end.writeUInt32LE(0x06054b50); end.writeUInt16LE(1, 8); end.writeUInt16LE(1, 10); end.writeUInt32LE(46 + n.length, 12);
	end.writeUInt32LE(30 + n.length + data.length, 16);
	fs.writeFileSync("../bundle.zip", Buffer.concat([local, n, data, central, n, end]));' "$base.core")
put() { curl -sf -T bundle.zip --user S3RVER:S3RVER --aws-sigv4 aws:amz:us-east-1:s3 -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" \
	"http://127.0.0.1:$port/cores/$1" >/dev/null; }
put "shop/$base.zip" || { bad "the store takes no bundle"; exit 1; }

debug() { rm -f calls pod.json typed; "$autopsy" debug --kubectl --config "$dir/conf" --every 0.05s "$@" >out 2>err </dev/null; }

echo 2 >waits
debug -c "$base.zip" -i quay.io/shop/checkout:3
is "exit status" $? 0
name=$(pod d.metadata.name)
is "the calls, in this order" "$(cut -d' ' -f1 calls | tr '\n' ' ')" "apply exec exec exec exec delete "
is "the name" "$(grep -cE '^debugger-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' <<<"$name")" 1
is "it is retried" "$(grep -c 'Retrying connection' err)" 1
is "the shell" "$(sed -n 5p calls)" "exec -i -n observe $name -c debug-container -- /bin/bash"
is "its words" "$(grep -c "the shell's words" out)" 1
is "the pod goes" "$(sed -n 6p calls)" "delete pod -n observe $name --ignore-not-found --wait=false"
is "what it says" "$(head -n 5 err | tr '\n' ';')" "Debugging: node;Runtime: by the executable;Namespace: observe;Debug Image: autopsy-debug:$("$autopsy" --version | awk '{ print $2; exit }');App Image: quay.io/shop/checkout:3;"
is "pod: never restarted, two containers" "$(pod 'd.spec.restartPolicy + " " + d.spec.containers.map((c) => c.name + "=" + c.image).join()')" \
	"Never debug-container=autopsy-debug:$("$autopsy" --version | awk '{ print $2; exit }'),core-container=quay.io/shop/checkout:3"
is "pod: shared" "$(pod 'd.spec.volumes[0].name + " " + d.spec.containers.map((c) => c.volumeMounts[0].mountPath).join()')" "shared-data /shared,/shared"
is "pod: environment" "$(pod 'd.spec.containers[0].env.slice(1).map((e) => e.name + "=" + e.value).join(";")')" \
	"CORE_FILE=$base.zip;EXE_LOCATION=/shared/node;CORE_LOCATION=$base/$base.core"
is "pod: no key of the store" "$(grep -c 'SECRET\|s3config' pod.json)" 0
url=$(pod 'd.spec.containers[0].env[0].value')
is "the address is signed for an hour" "$(grep -c 'X-Amz-Expires=3600' <<<"$url")" 1
curl -sf "$url" | cmp -s - bundle.zip && ok "the store accepts it, for that object" || bad "the address does not lead to the bundle"
is "the executable's name is no shell's text" "$(pod 'd.spec.containers[1].command[2].includes("node")')" false

debug -c "shop/$base.zip" -i img -n other -e 'my.exe' -r nodejs --debug-image d:1 -- ./rundebug.sh -e bt
is "options" "$(tail -n 2 calls | head -n 1 | sed 's/debugger-[^ ]*/POD/') $(pod 'd.metadata.namespace + d.spec.containers[0].env[2].value + d.spec.containers[0].image')" \
	"exec -i -n other POD -c debug-container -- ./rundebug.sh -e bt other/shared/my.exed:1"
debug -c "$base" -i img s3://cores/shop/
is "a bucket's address, a name without .zip" $? 0
echo 7 >shell-status
debug -c "$base.zip" -i img
is "the shell's exit status is ours" "$? $(grep -c ^delete calls)" "7 1"
rm shell-status
touch no-apply
debug -c "$base.zip" -i img
is "no pod: said, cleaned up" "$? $(grep -c 'kubectl apply failed' err) $(grep -c ^exec calls) $(grep -c ^delete calls)" "2 1 0 1"
rm no-apply
echo 1000 >waits
debug -c "$base.zip" -i img --tries 3
is "a container that never starts: an end, and cleaned up" "$? $(grep -c ^exec calls) $(grep -c ^delete calls) $(grep -c 'did not start' err)" "2 3 1 1"
rm waits
echo 2 >delete-fails
debug -c "$base.zip" -i img
is "deleting is tried again" "$? $(grep -c ^delete calls)" "0 3"
touch shell-sleeps
rm -f calls shell-runs
"$autopsy" debug --kubectl --config "$dir/conf" --every 0.05s -c "$base.zip" -i img >out 2>err </dev/null &
pid=$!
for _ in $(seq 200); do [ -f shell-runs ] && break; sleep 0.05; done
kill -TERM $pid
pkill -TERM -P $pid
wait $pid
is "ended from outside: the pod goes" "$(grep -c ^delete calls)" 1
rm shell-sleeps
# shellcheck disable=SC2016
for evil in 'x;reboot' '$(reboot)' '-rf' 'a b' '../../etc'; do
	debug -c "$base.zip" -i img "--exe-name=$evil"
	[ $? -ne 0 ] && [ ! -f calls ] || bad "an executable named $evil"
done
ok "names that a shell would take apart are refused"
debug -c nosuch-dump-1-h-node-1-6.zip -i img
is "no such bundle: nothing is started" "$? $([ -f calls ] && echo called)" "2 "
put "bank/$base.zip"
debug -c "$base.zip" -i img
is "two of one name: asked which" "$? $(grep -c 'more than one' err)" "2 1"
debug -c "bank/$base.zip" -i img
is "  its key says which" $? 0
rm -f calls
(PATH=/usr/sbin "$autopsy" debug --kubectl --config "$dir/conf" -c "shop/$base.zip" -i img >out 2>err </dev/null)
is "without kubectl: said" "$? $(grep -c 'there is no kubectl' err)" "2 1"

# In the pod.
mkdir pod
cp "$root"/deploy/docker/*.sh pod/
cat >bin/autopsy <<'SH'
#!/bin/sh
echo "opened $*"
SH
if command -v unzip >/dev/null; then :; else
	# As much of it as the image's own does here.
	cat >bin/unzip <<-SH
	#!/bin/sh
	mkdir -p "\$4" && exec "$node" -e 'const fs = require("fs"); const b = fs.readFileSync(process.argv[1]); const n = b.readUInt16LE(26);
		fs.writeFileSync(process.argv[2] + "/" + b.subarray(30, 30 + n), b.subarray(30 + n, 30 + n + b.readUInt32LE(22)));' "\$5" "\$4"
	SH
fi
chmod +x bin/*
touch exe
export CORE_URL=$url CORE_FILE=$base.zip EXE_LOCATION=$dir/exe CORE_LOCATION=$base/$base.core
(cd pod && exec ./init.sh) >init.log 2>&1 &
init=$!
is "rundebug.sh opens the core with the executable" "$(cd pod && ./rundebug.sh -e bt 2>/dev/null)" "opened $dir/exe $base/$base.core -e bt"
kill $init
wait $init
is "init.sh ends when it is told" $? 0
rm -rf pod/a686* pod/.ready
(cd pod && CORE_URL="$url&x=1" exec ./init.sh) >init.log 2>&1 &
init=$!
CORE_URL=http://127.0.0.1:$port/cores/none
(cd pod && exec ./init.sh) >init2.log 2>&1 &
init2=$!
for _ in $(seq 200); do [ -f pod/.failed ] && break; sleep 0.05; done
is "an address that is no good: said" "$(grep -c 'could not be fetched' init2.log)" 1
kill $init $init2
wait $init $init2
exit $fail
