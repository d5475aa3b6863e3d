# shellcheck shell=bash
# Sourced by tests and the demo: Debian's containerd with its CRI plugin and runc, as a kubelet would find it, all of it below
# one directory and gone afterwards. Images are made of files at hand; nothing listens but unix sockets.
#
#   pods_can || skip          pods_start DIR NODE      pods_image NAME ROOTFS COMMAND ...      pods_stop
#   pods_cri VERB ...         (cri.js)

pods_dir='' pods_node='' pods_pid=''
pods_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Why there are no pods here, or nothing.
pods_missing() {
	local word
	[ "$(id -u)" = 0 ] || { echo "containers need root"; return; }
	for word in containerd containerd-shim-runc-v2 runc ctr; do
		command -v $word >/dev/null || { echo "$word is not installed (apt-get install containerd runc)"; return; }
	done
	[ -d /sys/fs/cgroup ] || echo "there are no control groups"
}

pods_cri() {
	"$pods_node" "$pods_here/cri.js" "$pods_dir/containerd.sock" "$@"
}

pods_start() {
	pods_dir=$1 pods_node=$2
	mkdir -p "$pods_dir" || return
	# native: no file system of its own is needed; without a limit on oom_score_adj runc fails inside of containers.
	cat >"$pods_dir/config.toml" <<-TOML
	version = 2
	root = "$pods_dir/root"
	state = "$pods_dir/state"
	[grpc]
	  address = "$pods_dir/containerd.sock"
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "localhost/pod:1"
	  restrict_oom_score_adj = true
	  [plugins."io.containerd.grpc.v1.cri".cni]
	    conf_dir = "$pods_dir/cni"
	  [plugins."io.containerd.grpc.v1.cri".containerd]
	    snapshotter = "native"
	TOML
	containerd -c "$pods_dir/config.toml" --log-level warn >"$pods_dir/containerd.log" 2>&1 &
	pods_pid=$!
	for _ in $(seq 300); do
		[ -S "$pods_dir/containerd.sock" ] && pods_cri version >/dev/null 2>&1 && return 0
		kill -0 "$pods_pid" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 3 "$pods_dir/containerd.log" >&2
	return 1
}

# pods_image NAME ROOTFS COMMAND ...: an OCI image of one layer.
pods_image() {
	local name=$1 rootfs=$2 d=$pods_dir/image layer config manifest
	shift 2
	rm -rf "$d"
	mkdir -p "$d/blobs/sha256"
	tar -C "$rootfs" --owner=0 --group=0 -cf "$d/layer" .
	layer=$(sha256sum <"$d/layer" | cut -c1-64)
	mv "$d/layer" "$d/blobs/sha256/$layer"
	"$pods_node" -e 'console.log(JSON.stringify({architecture: "amd64", os: "linux", config: {Cmd: process.argv.slice(2)},
		rootfs: {type: "layers", diff_ids: ["sha256:" + process.argv[1]]}}))' "$layer" "$@" >"$d/config"
	config=$(sha256sum <"$d/config" | cut -c1-64)
	"$pods_node" -e 'const fs = require("fs");
		const [d, layer, config] = process.argv.slice(1);
		const part = (kind, digest, file) => ({mediaType: "application/vnd.oci.image." + kind, digest: "sha256:" + digest,
			size: fs.statSync(file).size});
		console.log(JSON.stringify({schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
			config: part("config.v1+json", config, d + "/config"),
			layers: [part("layer.v1.tar", layer, d + "/blobs/sha256/" + layer)]}));' "$d" "$layer" "$config" >"$d/manifest"
	mv "$d/config" "$d/blobs/sha256/$config"
	manifest=$(sha256sum <"$d/manifest" | cut -c1-64)
	echo '{"imageLayoutVersion": "1.0.0"}' >"$d/oci-layout"
	printf '{"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:%s",
		"size": %d, "annotations": {"io.containerd.image.name": "%s"}}]}\n' \
		"$manifest" "$(stat -c %s "$d/manifest")" "$name" >"$d/index.json"
	mv "$d/manifest" "$d/blobs/sha256/$manifest"
	tar -C "$d" -cf "$pods_dir/image.tar" . &&
		ctr -a "$pods_dir/containerd.sock" -n k8s.io images import --snapshotter native "$pods_dir/image.tar" >/dev/null &&
		ctr -a "$pods_dir/containerd.sock" -n k8s.io images tag "$name" "${name%:*}@sha256:$manifest" >/dev/null
	local status=$?
	rm -rf "$d" "$pods_dir/image.tar"
	pods_digest=sha256:$manifest
	return $status
}

# Pods that still run, then the daemon, then what it left mounted.
pods_stop() {
	local id mount
	[ -n "$pods_pid" ] || return 0
	for id in $(ctr -a "$pods_dir/containerd.sock" -n k8s.io tasks ls -q 2>/dev/null); do
		ctr -a "$pods_dir/containerd.sock" -n k8s.io tasks kill -s KILL "$id" >/dev/null 2>&1
	done
	for id in $(ctr -a "$pods_dir/containerd.sock" -n k8s.io containers ls -q 'labels."io.cri-containerd.kind"==sandbox' 2>/dev/null); do
		pods_cri stop "$id" >/dev/null 2>&1
	done
	kill "$pods_pid" 2>/dev/null
	wait "$pods_pid" 2>/dev/null
	pods_pid=''
	awk -v d="$pods_dir/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r mount; do
		umount "$mount"
	done
}
