#!/bin/bash
# A crash of a fleet on one machine, from end to end: a Node program dies in a real pod (containerd, runc); the kernel hands it
# over; the agent finds out whose it was and of what it died, and ships it into a bucket (s3rver, on the loopback interface);
# from there it is listed and opened, as from any other machine.
# usage: demo-fleet.sh BUILD_DIR
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd) || exit 1
autopsy=$build/autopsy
# shellcheck source=tests/fleet/containerd.sh
. "$root/tests/fleet/containerd.sh"

cannot() { echo "SKIP: demo-fleet cannot run here: $1"; exit 77; }

why=$(pods_missing)
[ -z "$why" ] || cannot "$why"
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
s3rver=$("$root/scripts/fetch-s3rver.sh") || exit 1

dir=$(mktemp -d /tmp/apd.XXXX) || exit 1
store=
# shellcheck disable=SC2317
clean() {
	pods_stop
	[ -n "$store" ] && kill "$store" && wait "$store"
	rm -rf "$dir"
} 2>/dev/null
trap clean EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER XDG_CACHE_HOME=$dir/cache
unset AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_REGION http_proxy HTTP_PROXY

step() { printf '\n\033[1m== %s\033[0m\n' "$1"; }
# run TITLE COMMAND ...: as somebody would type it
run() {
	local shown=${*/#$autopsy/autopsy}
	printf '$ %s\n' "$shown"
	"$@"
}

step "a bucket and a container runtime"
port=$("$node" -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });')
"$node" --no-deprecation -r "$root/tests/fleet/store-whole.js" "$s3rver" -d "$dir/data" -a 127.0.0.1 -p "$port" --configure-bucket cores >store.log 2>&1 &
store=$!
for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
pods_start "$dir/p" "$node" || cannot "containerd does not start"
# The image: Node, its libraries, the program. No shell.
mkdir -p rootfs/bin rootfs/app
cp -L "$node" rootfs/bin/node
cp "$build/tests/podprogram" rootfs/bin/
cp "$root"/examples/checkout/*.js rootfs/app/
ldd "$node" | awk '/=> \// { print $3 } $1 ~ /^\// { print $1 }' | while read -r lib; do
	mkdir -p "rootfs$(dirname "$lib")"
	cp -L "$lib" "rootfs$lib"
done
pods_image localhost/pod:1 rootfs /bin/podprogram pause && pods_image localhost/checkout:3 rootfs /bin/node ||
	cannot "containerd takes no image"
rm -rf rootfs
echo "containerd $(containerd --version | cut -d' ' -f3), s3://cores at http://127.0.0.1:$port"

cat >autopsy.conf <<CONF
spool = $dir/spool
reserve = 1%
cri = $dir/p/containerd.sock
cri_time = 20s
pod_logs = $dir/logs
s3_bucket = cores
s3_endpoint = http://127.0.0.1:$port
s3_prefix = {namespace}/
chain = $(head -n 1 /proc/sys/kernel/core_pattern)
rule = capture env AUTOPSY_DEMO=$$
rule = pass any
CONF
cat autopsy.conf

step "a pod: shop/checkout-7d9f"
uid=7d9f0000-89ab-cdef-0123-456789abcdef
pod='{"name": "checkout-7d9f", "namespace": "shop", "uid": "'$uid'", "labels": {"app": "checkout"},
	"logs": "'$dir/logs/shop_checkout-7d9f_$uid'", "cgroup": "/kubepods/burstable/pod'$uid'"}'
sandbox=$(pods_cri sandbox "$pod") || cannot "no pod runs"
container=$(pods_cri container "$sandbox" "$pod" '{"name": "app", "image": "localhost/checkout:3",
	"command": ["/bin/node", "--abort-on-uncaught-exception", "/app/crash.js"], "env": {"AUTOPSY_DEMO": "'$$'"}}') || exit 1
# The machine has one core_pattern: ours for this moment only, under the lock of all tests, and put back whatever happens.
"$build/tests/corepattern" "|$autopsy handle -c$dir/autopsy.conf %P %p %I %u %g %s %t %d %c F%F %h %e" \
	"$node" "$root/tests/fleet/cri.js" "$dir/p/containerd.sock" run "$container" >status
code=$?
[ $code -eq 77 ] && cannot "core_pattern cannot be set"
echo "it ran and died: exit status $(cat status)"
for _ in $(seq 200); do pgrep -f "handle -c$dir/autopsy.conf" >/dev/null || break; sleep 0.05; done

step "the agent: whose, of what, and into the bucket"
run "$autopsy" agent -c autopsy.conf --once || exit 1
uuid=$("$autopsy" list -c autopsy.conf --json | "$node" -e '
	console.log(JSON.parse(require("fs").readFileSync(0, "utf8")).data.crashes[0].uuid)') || exit 1
# What the node has is not needed any more.
rm -rf spool

step "somewhere else: a bucket is all there is"
cat >elsewhere.conf <<CONF
spool = $dir/elsewhere
s3_endpoint = http://127.0.0.1:$port
CONF
run "$autopsy" list -c elsewhere.conf --namespace shop --pod 'checkout-*' s3://cores/ | tee list
run "$autopsy" debug -c elsewhere.conf s3://cores/ "${uuid: -12}" -e report -e bt | tee debug

grep -q "${uuid: -12} .*TypeError" list && grep -q 'Shop.checkout  .*/app/server.js:45:' debug || {
	echo "demo-fleet: the crash is not what it should be (see above)" >&2
	exit 1
}
