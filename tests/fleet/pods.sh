#!/bin/bash
# Crashes in real pods (containerd with its CRI plugin, runc): whose they were, in what image, what they wrote last, and what
# rules by label leave of them. The images hold one static program: no shell, no libraries.
# usage: pods.sh AUTOPSY TOOLS_DIR
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/fleet/containerd.sh
. "$here/containerd.sh"
why=$(pods_missing)
[ -z "$why" ] || { echo "SKIP: $why"; exit 77; }
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d /tmp/app.XXXX) || exit 1
trap 'pods_stop; rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
mark=AUTOPSY_TEST=$$

# crash of NAMESPACE: its id
crash_of() { tool list --namespace "$1" -n 1 --json | js 'd.crashes.length ? d.crashes[0].uuid : "none"'; }
# of NAMESPACE EXPRESSION
of() { tool info --json "$(crash_of "$1")" | js "$2"; }

config() {
	{
		echo "spool = $dir/spool"
		echo "reserve = 1%"
		echo "rate = none"
		echo "cri = $dir/p/containerd.sock"
		echo "cri_time = 20s"
		echo "pod_logs = $dir/logs"
		echo "log_lines = 20"
		echo "chain = $(head -n 1 /proc/sys/kernel/core_pattern)"
		for line in "$@"; do echo "$line"; done
		echo "rule = capture env $mark"
		echo "rule = pass any"
	} >c
}

pods_start "$dir/p" "$node" 2>err || { echo "SKIP: containerd does not run here: $(tail -n 1 err)"; exit 77; }
mkdir rootfs
cp "$tools/podprogram" rootfs/
pods_image localhost/pod:1 rootfs /podprogram pause || { echo "SKIP: containerd takes no image here"; exit 77; }

# pod NAMESPACE NAME UID LABELS: its description; the sandbox's id in $sandbox
pod() {
	local logs=$dir/logs/$1_$2_$3
	description='{"name": "'$2'", "namespace": "'$1'", "uid": "'$3'", "labels": '$4', "logs": "'$logs'",
		"annotations": {"note": "fine", "config": "{\"DB_PASSWORD\": \"hunter2\"}"}, "cgroup": "/kubepods/burstable/pod'$3'"}'
	sandbox=$(pods_cri sandbox "$description") || return
	sandboxes="$sandboxes $sandbox"
}
sandboxes=
# container NAME COMMAND: in the pod of before
container() {
	pods_cri container "$sandbox" "$description" '{"name": "'"$1"'", "image": "localhost/pod:1", "command": '"$2"',
		"env": {"AUTOPSY_TEST": "'$$'"}, "labels": {"io.kubernetes.container.name": "'"$1"'"}}'
}
moment() {
	local status
	"$tools/corepattern" "|$autopsy handle -c$dir/c %P %p %I %u %g %s %t %d %c F%F %h %e" "$node" "$here/cri.js" \
		"$dir/p/containerd.sock" run "$@" >out 2>&1
	status=$?
	for _ in $(seq 200); do
		pgrep -f "$autopsy handle -c$dir/c" >/dev/null || break
		sleep 0.05
	done
	[ $status -eq 77 ] && { echo "SKIP: core_pattern cannot be set here"; exit 77; }
	return $status
}

if ! pod shop web-0 11111111-89ab-cdef-0123-456789abcdef '{"app": "web", "tier": "front"}' 2>err; then
	echo "SKIP: no pod runs here: $(tail -n 1 err)"
	exit 77
fi
a=$(container app '["/podprogram", "die", "100", "-t", "token=abcdef0123456789\nlast words of the shop"]')
pod bank web-0 22222222-89ab-cdef-0123-456789abcdef '{"app": "web", "collect": "no"}'
b=$(container app '["/podprogram", "die", "3", "-t", "last words of the bank"]')
container sidecar '["/podprogram", "pause"]' >/dev/null
pod lab batch-7 33333333-89ab-cdef-0123-456789abcdef '{"app": "batch"}'
c=$(container job '["/podprogram", "die", "1", "-c"]')

# All three die in one moment. Nobody has labels yet.
config "rule = skip label collect=no" "rule = mini label app=batch*"
moment "$a" "$b" "$c"
is "three crashes" "$(tool list --json | js 'd.crashes.map((c) => c.there).join()')" whole,whole,whole
is "the open rules are written down" "$(of shop 'd.state.label_rules.map((r) => r.action + " " + r.label).join() + ", " + d.state.otherwise')" \
	"skip collect=no,mini app=batch*, capture"
is "namespace and pod from the logs' directory" "$(of shop 'd.meta.pod + " " + d.meta.pod_uid.slice(0, 8)')" "web-0 11111111"
bank=$(crash_of bank)
cp -a spool kept
env -i PATH= "$autopsy" agent -c "$dir/c" --once >out 2>&1
is "agent, without a PATH" $? 0

is "equal names, the right namespaces" "$(tool list --json | js 'd.crashes.map((c) => c.namespace + "/" + c.pod).sort().join()')" lab/batch-7,shop/web-0
is "a rule by label: skip" "$(crash_of bank) $([ -e "spool/crashes/$bank" ] && echo there)" "none "
is "a rule by label: mini" "$(of lab 'd.there + ", " + d.pod.rule')" "mini, mini label app=batch*"
is "no rule fits: what comes behind them" "$(of shop 'd.there + ", " + d.pod.rule + ", " + d.pod.rule_action')" "whole, null, capture"
is "pod" "$(of shop '[d.pod.namespace, d.pod.pod, d.pod.pod_uid, d.pod.container, d.pod.restarts].join()')" \
	"shop,web-0,11111111-89ab-cdef-0123-456789abcdef,app,0"
is "its container is the cgroup's" "$(of shop 'd.pod.container_id === d.meta.container_id && d.meta.container_id')" "$a"
is "labels" "$(of shop 'd.pod.labels.app + d.pod.labels.tier')" webfront
is "annotations, what looks secret masked" "$(of shop 'd.pod.pod_info.annotations.note + d.pod.pod_info.annotations.config')" 'fine{"DB_PASSWORD": ***}'
is "image" "$(of shop d.pod.image)" localhost/pod:1
is "its digest" "$(of shop d.pod.image_digest)" "$pods_digest"
is "how it ended" "$(of shop 'd.pod.exit_code + " " + (d.pod.finished > "2020")')" "139 true"
is "the crash of a child: the container went on to its end" "$(of lab d.pod.exit_code)" 0
# The last lines, as they are in the runtime's file, without its prefixes; secrets masked.
log=spool/crashes/$(crash_of shop)/container.log
is "log: the last 20 lines" "$(wc -l <"$log") $(of shop 'd.pod.log.lines + " " + d.pod.log.more')" "20 20 true"
cut -d' ' -f4- "$(find logs/shop_* -name '*.log')" | tail -n 20 | sed 's/abcdef0123456789/***/' | cmp -s - "$log" &&
	ok "log: equal" || bad "log: differs"
is "log: secrets are masked" "$(grep -c 'token=\*\*\*' "$log") $(grep -c 'last words of the shop' "$log")" "1 1"
is "log: a short one is whole" "$(of lab d.pod.log.more)" false
is "containers of the pod, as crictl ps -o json" "$(of shop 'd.pod.ps_info.containers.map((c) => c.metadata.name + " " + c.state).join()')" "app CONTAINER_EXITED"
is "only its owner may read" "$(stat -c %a "$log" "${log%/*}/pod.json" | tr '\n' ' ')" "600 600 "
is "info shows it" "$(tool info "$(crash_of shop)" | grep -cE '^(image +localhost/pod:1|container +app )')" 2
tool agent --once >out 2>&1
is "asked once" "$(grep -c pod: out)" 0

# again WHAT: the crashes as they were before the agent came
again() {
	rm -rf spool
	cp -a kept spool
	tool agent --once >out 2>&1
}
# A runtime that accepts and says nothing: the agent goes on, and nothing is thrown away.
"$node" -e 'require("net").createServer(() => {}).listen(process.argv[1])' "$dir/silent" &
silent=$!
for _ in $(seq 100); do [ -S silent ] && break; sleep 0.05; done
sed -i "s|^cri = .*|cri = $dir/silent|; s|^cri_time = .*|cri_time = 0.2s|" c
again
kill $silent
is "a silent runtime: kept, said, rules stay open" "$(of bank '[d.there, d.pod.rule_action, /time|tim/i.test(d.pod.error)].join()')" whole,,true
is "  the pod is still that of the directory" "$(tool list --namespace bank --json | js 'd.crashes[0].pod')" web-0
sed -i "s|^cri = .*|cri = none|" c
again
is "cri = none: nobody is asked" "$(of bank d.pod)" null
sed -i "s|^cri = .*|cri = $dir/p/containerd.sock|; s|^cri_time = .*|cri_time = 20s|" c

# Who may write into the logs' directory does not choose which file is read.
file=$(find logs/shop_* -name '*.log')
mv "$file" "$file.old"
ln -s /etc/hostname "$file"
again
is "a link in place of the log" "$(of shop 'd.pod.log.file + " " + /not followed/.test(d.pod.log.error)')" "null true"
rm "$file"
again
is "a log that is gone" "$(of shop 'd.pod.log.file + " " + d.pod.container')" "null app"
# The kubelet removed the pods.
# shellcheck disable=SC2086
pods_cri stop $sandboxes
again
is "the runtime forgot the container: said, kept" "$(of shop '/does not know/.test(d.pod.error) + " " + d.there')" "true whole"
is "containers are gone" "$(ctr -a "$dir/p/containerd.sock" -n k8s.io containers ls -q | wc -l)" 0
exit $fail
