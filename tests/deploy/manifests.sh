#!/bin/bash
# The manifests of deploy/: Kustomize's base and overlays, and the chart with every file of values, rendered, checked against
# Kubernetes' schemas and against what docs/kubernetes.md says of their rights; and the configuration in them, by autopsy itself.
# usage: manifests.sh AUTOPSY
set -u
. "$(dirname "$0")/../fleet/lib.sh"
autopsy=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
chart=$root/deploy/helm/autopsy
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
modules=$("$root/scripts/fetch-schemas.sh") || { echo "SKIP: Kubernetes' schemas cannot be had"; exit 77; }
dir=$(mktemp -d /tmp/apk.XXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
skipped=

check() { "$node" "$here/manifests.js" "$modules" "$@"; }

if command -v kubectl >/dev/null; then
	for d in base overlays/openshift overlays/gke-cos; do
		kubectl kustomize "$root/deploy/$d" >"k-${d//\//-}.yaml" || bad "kustomize $d"
	done
else
	skipped="there is no kubectl: Kustomize's files were not rendered"
fi
if command -v go >/dev/null && [ -d /usr/share/gocode/src/github.com/Masterminds/sprig ]; then
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=${AUTOPSY_CACHE:-$HOME/.cache/autopsy}/go go build -o render "$here/render.go" || exit 1
	./render "$chart" my observe >h-default.yaml || bad "chart"
	for values in "$chart"/values.*.yaml; do
		./render "$chart" my observe "$values" >"h-$(basename "$values")" || bad "$values"
	done
	# Everything at once, with the names that core-dump-handler's chart has.
	cat >all.values <<-'YAML'
	image: {registry: registry.example, limit_cpu: 500m}
	imagePullSecrets: [{name: pull}]
	fullnameOverride: dumps
	priorityClassName: system-node-critical
	nodeSelector: {pool: a}
	tolerations: [{operator: Exists}]
	affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
	composer: {filenameTemplate: "{uuid}-{namespace}", logLength: 2000, podSelectorLabel: info.coredump, timeout: 300, coreEvents: true}
	serviceAccount: {annotations: {a/b: c}}
	scc: {create: true}
	daemonset:
	  podAnnotations: {d: e}
	  s3AccessKey: 'A"KEY'
	  s3Secret: "b: c"
	  s3BucketName: cores
	  s3Region: eu-de
	  rules: ["skip namespace kube-*", "mini label app=batch*"]
	  config: |
	    rate = 3/1h
	    quota = 20G
	  replaceHandler: true
	  extraEnvVars: [{name: HTTPS_PROXY, value: "http://proxy:3128"}]
	  envFrom: [{secretRef: {name: more}}]
	  sidecarContainers: [{name: events, image: "busybox:1", command: [sleep, infinity]}]
	  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 5}}
	YAML
	./render "$chart" my observe all.values >h-all.yaml || bad "chart with everything"
	echo 'composer: {ignoreCrio: true}' >no.values
	./render "$chart" my observe no.values >h-no-cri.yaml || bad "chart without a runtime"
	printf 'daemonset: {s3AccessKey: a}\n' >half.values
	./render "$chart" my observe half.values >/dev/null 2>err && bad "half a key is refused" || ok "half a key is refused"
	for line in "rule = skip namespace kube-\*" "rule = mini label app=batch\*" "rule = capture label info.coredump=\*" "rule = pass any" "quota = 20G" \
		"s3_bucket = cores" "core_time = 300s" "log_lines = 2000"; do
		grep -q "^    $line$" h-all.yaml || bad "the values do not become: $line"
	done
else
	skipped="$skipped${skipped:+; }there is no Go with sprig (apt-get install golang-go golang-github-masterminds-sprig-dev): the chart was not rendered"
fi
files=$(echo [kh]-*.yaml)
[ "$files" = '[kh]-*.yaml' ] && { echo "SKIP: $skipped"; exit 77; }
# shellcheck disable=SC2086
check $files && ok "schemas and rights: $files" || bad "schemas and rights"
# What the handler would read: a key that does not exist, a value out of bounds, a rule that is none.
for conf in *.conf; do
	"$autopsy" status -c "$dir/$conf" 2>&1 | grep 'autopsy.conf:' && bad "$conf is not understood"
done
# The check finds what it is for.
first=${files%% *}
# seen TITLE SED
seen() { sed "$2" "$first" >damaged.yaml; cmp -s "$first" damaged.yaml && bad "$1: nothing was changed"; check damaged.yaml >/dev/null && bad "$1: not seen" || ok "$1: seen"; }
seen "a privileged container" 's/privileged: false/privileged: true/'
seen "a wrong type" 's/terminationGracePeriodSeconds: 60/terminationGracePeriodSeconds: "x"/'
seen "another path on the host" 's|path: /var/lib/autopsy/bin|path: /opt/bin|'
seen "a missing volume" '0,/name: core-pattern/s/name: core-pattern/name: nothing/'
[ -n "$skipped" ] && echo "SKIP (part): $skipped"
exit $fail
