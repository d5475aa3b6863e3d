'use strict';
// Checks manifests: each object against Kubernetes' own schema, and what the documentation promises of their rights.
// usage: manifests.js MODULES FILE.yaml ...     prints what is wrong; 0: nothing
const fs = require('fs');
const path = require('path');

const [modules, ...files] = process.argv.slice(2);
const yaml = require(path.join(modules, 'js-yaml'));
const models = {
	'apps/v1': require(path.join(modules, 'kubernetes-models/apps/v1')),
	'v1': require(path.join(modules, 'kubernetes-models/v1')),
};
let failed = 0;
let objects = 0;

function wrong(file, text) {
	console.log(`${path.basename(file)}: ${text}`);
	failed = 1;
}

// As exactly these, no more, and each volume that is mounted exists and is used.
function daemonSet(file, o) {
	const pod = o.spec.template.spec;
	const volumes = new Map(pod.volumes.map((v) => [v.name, v]));
	const used = new Set();
	const ours = pod.containers.filter((c) => c.name === 'host' || c.name === 'agent');

	if (ours.length !== 2) wrong(file, 'host and agent are the containers');
	for (const key of ['hostPID', 'hostNetwork', 'hostIPC'])
		if (pod[key]) wrong(file, `${key} is not needed`);
	if (pod.automountServiceAccountToken !== false) wrong(file, 'a token of the API server is not needed');
	for (const c of ours) {
		const s = c.securityContext || {};
		const good = s.privileged === false && s.allowPrivilegeEscalation === false && s.readOnlyRootFilesystem === true &&
			JSON.stringify(s.capabilities) === '{"drop":["ALL"]}' && s.seccompProfile.type === 'RuntimeDefault';
		if (!good) wrong(file, `${c.name} has more rights than it needs: ${JSON.stringify(s)}`);
		if (!c.resources.limits.memory) wrong(file, `${c.name} has no limit of memory`);
		for (const m of c.volumeMounts) {
			const v = volumes.get(m.name);
			used.add(m.name);
			if (!v) {
				wrong(file, `${c.name} mounts ${m.name}, which does not exist`);
				continue;
			}
			// The kernel's files only in the container that sets them, nothing else of the host writable but what is ours.
			const kernel = v.hostPath && v.hostPath.path.startsWith('/proc/');
			if (kernel && (c.name !== 'host' || v.hostPath.type !== 'File')) wrong(file, `${c.name} mounts ${v.hostPath.path}`);
			if (kernel && m.mountPath !== v.hostPath.path.replace('/proc/sys', '/host/sys')) wrong(file, `${m.mountPath} is not looked for`);
			// The kernel starts what lies there: the path must be the host's.
			if (m.name === 'bin' && m.mountPath !== v.hostPath.path) wrong(file, 'the program must have the same path on the host');
			if (m.name === 'bin' && c.command[c.command.indexOf('--install') + 1] !== m.mountPath) wrong(file, '--install names another directory');
			if (v.hostPath && !kernel && !m.readOnly && !['bin', 'spool', 'events'].includes(m.name)) wrong(file, `${m.name} is writable`);
		}
	}
	for (const name of volumes.keys())
		if (!used.has(name)) wrong(file, `nobody uses the volume ${name}`);
	const labels = o.spec.template.metadata.labels;
	for (const [k, v] of Object.entries(o.spec.selector.matchLabels))
		if (labels[k] !== v) wrong(file, `the selector does not fit the labels: ${k}`);
}

for (const file of files) {
	const docs = yaml.loadAll(fs.readFileSync(file, 'utf8')).filter(Boolean);
	const maps = docs.filter((o) => o.kind === 'ConfigMap');

	for (const o of docs) {
		objects++;
		if (o.apiVersion === 'security.openshift.io/v1') {
			// Not in Kubernetes' schemas: at least what would make it a hole.
			if (o.allowPrivilegedContainer || o.allowHostPID || o.allowHostNetwork) wrong(file, 'the constraint allows more than is needed');
			continue;
		}
		const model = models[o.apiVersion] && models[o.apiVersion][o.kind];
		if (!model) {
			wrong(file, `there is no ${o.apiVersion} ${o.kind}`);
			continue;
		}
		try {
			new model(o).validate();
		} catch (e) {
			wrong(file, `${o.kind}: ${e.message}`);
			continue;
		}
		if (o.kind === 'DaemonSet') {
			daemonSet(file, o);
			const config = o.spec.template.spec.volumes.find((v) => v.name === 'config').configMap.name;
			if (!maps.some((m) => m.metadata.name === config)) wrong(file, `the ConfigMap ${config} is not there`);
		}
		if (o.kind === 'ConfigMap')
			fs.writeFileSync(`${file}.conf`, o.data['autopsy.conf']);
	}
	if (!docs.some((o) => o.kind === 'DaemonSet')) wrong(file, 'there is no DaemonSet');
}
console.log(`${objects} objects`);
process.exit(failed || objects === 0 ? 1 : 0);
