#!/bin/bash
# A node of a cluster: the DaemonSet's two containers, with the rights that its manifest gives them, in real pods; a crash in
# another pod; what the agent makes of it; and the node as it was before, afterwards.
# usage: node.sh AUTOPSY TOOLS_DIR
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
host=$(dirname "$autopsy")/autopsy-host
# shellcheck source=tests/fleet/containerd.sh
. "$here/containerd.sh"
why=$(pods_missing)
[ -z "$why" ] || { echo "SKIP: $why"; exit 77; }
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1

# Under the lock of core_pattern, which is put back whatever becomes of it.
if [ -z "${NODE_INSIDE:-}" ]; then
	NODE_INSIDE=1 "$tools/corepattern" -f "$(head -n 1 /proc/sys/kernel/core_pattern)" "$0" "$@"
	status=$?
	[ $status -eq 77 ] && echo "SKIP: core_pattern cannot be set here, or no pod runs"
	exit $status
fi
dir=$(mktemp -d /tmp/apn.XXXX) || exit 1
dumpable=$(cat /proc/sys/fs/suid_dumpable)
trap 'pods_stop; echo "$dumpable" >/proc/sys/fs/suid_dumpable; rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
config_file=host/autopsy.conf
settings() { cat /proc/sys/kernel/core_pattern /proc/sys/kernel/core_pipe_limit /proc/sys/fs/suid_dumpable; }

mkdir -p host spool logs rootfs agent
before=$(settings)
# The operator's ConfigMap. Other programs that crash at this moment keep the way of their cores (`chain` is added by setup).
cat >conf <<CONF
spool = $dir/spool
reserve = 1%
rate = none
cri = $dir/p/containerd.sock
cri_time = 20s
pod_logs = $dir/logs
rule = capture env AUTOPSY_TEST=$$
rule = pass any
CONF
cp "$host" "$tools/podprogram" rootfs/
# The agent's image: the program and its libraries, no shell.
cp "$autopsy" agent/autopsy
ldd "$autopsy" | awk '/=> \// { print $3 } $1 ~ /^\// { print $1 }' | while read -r lib; do
	mkdir -p "agent$(dirname "$lib")"
	cp -L "$lib" "agent$lib"
done
pods_start "$dir/p" "$node" 2>err || { echo "containerd does not run here: $(tail -n 1 err)"; exit 77; }
pods_image localhost/pod:1 rootfs /podprogram pause || exit 77
pods_image localhost/agent:1 agent /autopsy agent || exit 1

# pod NAMESPACE NAME UID
pod() {
	description='{"name": "'$2'", "namespace": "'$1'", "uid": "'$3'", "labels": {"app": "'$2'"},
		"logs": "'$dir/logs/$1_$2_$3'", "cgroup": "/kubepods/burstable/pod'$3'"}'
	sandbox=$(pods_cri sandbox "$description")
}
container() { pods_cri container "$sandbox" "$description" "$1"; }
log_of() { find logs -path "*$1*" -name '*.log' -exec cut -d' ' -f4- {} +; }
# What both containers of deploy/base/daemonset.yaml have in common.
rights='"user": 0, "drop": ["ALL"], "readonly": true, "noNewPrivs": true, "seccomp": true'

pod autopsy agent-x 44444444-89ab-cdef-0123-456789abcdef || { cat err; exit 77; }
agent_sandbox=$sandbox
keep=$(container '{"name": "host", "image": "localhost/pod:1", '"$rights"',
	"command": ["/autopsy-host", "keep", "--install", "'"$dir"'/host", "--from", "/config/autopsy.conf", "--sysctl", "/host/sys"],
	"mounts": [["'"$dir"'/host", "'"$dir"'/host"], ["'"$dir"'/spool", "'"$dir"'/spool"], ["/config/autopsy.conf", "'"$dir"'/conf", true],
		["/host/sys/kernel/core_pattern", "/proc/sys/kernel/core_pattern"],
		["/host/sys/kernel/core_pipe_limit", "/proc/sys/kernel/core_pipe_limit"],
		["/host/sys/fs/suid_dumpable", "/proc/sys/fs/suid_dumpable"]]}')
pods_cri start "$keep"
for _ in $(seq 100); do grep -q "$dir/host/autopsy-host" /proc/sys/kernel/core_pattern && break; sleep 0.1; done
is "without a capability: core_pattern names the program on the host" \
	"$(cut -d' ' -f1-3 /proc/sys/kernel/core_pattern)" "|$dir/host/autopsy-host handle -c$dir/host/autopsy.conf"
[ $fail = 0 ] || { log_of agent-x; exit 1; }
is "the kernel waits, privileged programs' cores are root's" "$(cat /proc/sys/fs/suid_dumpable) $(($(cat /proc/sys/kernel/core_pipe_limit) > 0))" "2 1"
cmp -s "$host" host/autopsy-host && ok "the program is the image's" || bad "the program is another one"
is "it needs no library of the host" "$(ldd host/autopsy-host 2>&1 | grep -c 'not a dynamic')" 1
is "the handler of before is kept for what the rules pass" "$(grep -c '^chain = ' host/autopsy.conf)" 1
agent=$(container '{"name": "agent", "image": "localhost/agent:1", '"$rights"',
	"command": ["/autopsy", "agent", "-c", "'"$dir"'/host/autopsy.conf"],
	"mounts": [["'"$dir"'/host", "'"$dir"'/host", true], ["'"$dir"'/spool", "'"$dir"'/spool"], ["'"$dir"'/logs", "'"$dir"'/logs", true],
		["'"$dir"'/p/containerd.sock", "'"$dir"'/p/containerd.sock", true]]}')
pods_cri start "$agent"
# Another pod crashes.
pod shop web-0 55555555-89ab-cdef-0123-456789abcdef
crash=$(container '{"name": "app", "image": "localhost/pod:1", "command": ["/podprogram", "die", "3", "-t", "last words"], "env": {"AUTOPSY_TEST": "'$$'"}}')
pods_cri run "$crash" >/dev/null
for _ in $(seq 150); do [ -n "$(find spool/crashes -name stack.json 2>/dev/null)" ] && break; sleep 0.1; done
is "the crash is kept" "$(tool list --json | js 'd.crashes.map((c) => [c.namespace, c.pod, c.container, c.there].join()).join(";")')" "shop,web-0,app,whole"
is "its image" "$(tool list --json | js 'd.crashes[0].image')" localhost/pod:1
is "the last words of the container" "$(tail -n 1 spool/crashes/*/container.log)" "last words"
# The confined child of the agent runs under these rights as well: its answer is about the core, not about its confinement.
is "the core was looked at" "$(tool info last --json | js '/no V8/.test(d.stack.error)')" true
# The operator changes the ConfigMap: the handler's own copy follows, with the handler of before.
for _ in $(seq 3); do printf '# newer\n' >>conf; done
for _ in $(seq 150); do grep -q '^# newer' host/autopsy.conf && break; sleep 0.1; done
is "a new configuration reaches the handler" "$(grep -c '^# newer' host/autopsy.conf) $(grep -c '^chain = ' host/autopsy.conf)" "3 1"
# Somebody takes the pattern away: taken back.
echo core.stolen >/proc/sys/kernel/core_pattern
for _ in $(seq 150); do grep -q autopsy-host /proc/sys/kernel/core_pattern && break; sleep 0.1; done
is "core_pattern is taken back" "$(cut -d' ' -f1 /proc/sys/kernel/core_pattern)" "|$dir/host/autopsy-host"
echo "${before%%$'\n'*}" >/proc/sys/kernel/core_pattern
for _ in $(seq 150); do grep -q autopsy-host /proc/sys/kernel/core_pattern && break; sleep 0.1; done
# The pod ends: SIGTERM, as from a kubelet.
pods_cri end "$keep"
is "the node is as it was before" "$(settings)" "$before"
pods_cri end "$agent"
pods_cri stop "$agent_sandbox"
is "the crashes stay" "$(tool list --json | js d.crashes.length)" 1
[ $fail = 0 ] || log_of agent-x
exit $fail
