#!/bin/bash
# The command line in its three dialects, on one core: plain verbs, mdb, llnode; from -e, from standard input, as `mdb`.
# What is printed is compared with what the program is; its positions are tests/live's business.
# usage: dialects.sh AUTOPSY MKCORE
set -u
autopsy=$(readlink -f "$1")
mkcore=$(readlink -f "$2")
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0

cat >program.js <<'END'
'use strict';

class Dog { constructor(name) { this.name = name; this.tags = [1, 'two', { deep: 'inside' }]; } }

function third(dog, text) {
  const local = 'a local of third';
  process.abort(dog, local);
}

function second(dog) {
  const captured = 'seen by the closure';
  const inner = (text) => { third(dog, text + captured.length); };
  inner('some text');
}

setTimeout(function first() {
  second(new Dog('Rex'));
}, 1);
END
MY_SECRET_TOKEN=hunter2-hunter2 PLAIN_VALUE=just-a-value "$mkcore" -o core.file -- "$node" "$dir/program.js" argument-of-program 2>log
status=$?
[ $status -eq 77 ] && {
	echo "skip $(cat log)"
	exit 77
}
[ $status -eq 0 ] || {
	echo "FAIL no core: $(cat log)"
	exit 1
}

ok() {
	passed=$((passed + 1))
	echo "ok   $1"
}

bad() {
	failed=$((failed + 1))
	echo "FAIL $1: $2"
	sed 's/^/     | /' out err | head -n 25
}

run() {
	timeout -k 5 60 "$autopsy" "$@" >out 2>err </dev/null
	status=$?
}

# says TITLE PATTERN...: the last run went well and printed all of these (extended regular expressions, in this order)
says() {
	local title=$1 at=0 line
	shift
	if [ $status -ne 0 ]; then
		bad "$title" "exit status $status"
		return
	fi
	for pattern; do
		line=$(tail -n +$((at + 1)) out | grep -nE -m1 -- "$pattern" | cut -d: -f1)
		if [ -z "$line" ]; then
			bad "$title" "no '$pattern' after line $at"
			return
		fi
		at=$((at + line - 1)) # patterns may share a line
	done
	ok "$title"
}

lacks() {
	if grep -qE -- "$2" out err; then bad "$1" "there is '$2'"; else ok "$1"; fi
}

# ---- the stack ----
run core.file -e bt
says "bt" 'third.*program\.js:7:11' 'program\.js:12:29' 'second.*program\.js:13:3' 'first.*program\.js:17:3'
run core.file -e '::jsstack'
says "::jsstack" '^native: ' '^js: +third$' '^js: +(inner|<anonymous>)' '^js: +second$' '^js: +.*first'
says "::jsstack elides" '^ {8}\([0-9]+ internal frames? elided\)$'
run core.file -e '::jsstack -v'
says "::jsstack -v" '^js: +third$' "^ +file: $dir/program.js" '^ +posn: line [0-9]+' '^ +this: [0-9a-f]+ \(' \
	'^ +arg1: [0-9a-f]+ \(.*Dog' '^ +[0-9]+ .*function third'
run core.file -e '::jsstack -vn0'
says "::jsstack -vn0" '^js: +third$' '^ +arg1: [0-9a-f]+ \('
lacks "::jsstack -vn0 has no source" 'a local of third'
run core.file -e '::jsstack -f third -p arg1'
says "::jsstack -f -p" '^[0-9a-f]+'
if [ "$(wc -l <out)" -eq 1 ]; then ok "::jsstack -f -p is one line"; else bad "::jsstack -f -p is one line" "$(wc -l <out) lines"; fi
run core.file -e '::jsstack -a'
says "::jsstack -a" '^[0-9a-f]+ [0-9a-f]+ third \(JSFunction: [0-9a-f]+\)' '^[0-9a-f]+ [0-9a-f]+ second \(JSFunction'
run core.file -e 'v8 bt'
says "v8 bt" 'frame #0:' 'third\(this=.*Dog.*program\.js:7:11' 'second\(.*program\.js:13:3' 'first\(.*program\.js:17:3'
run core.file -e 'v8 bt 2'
if [ "$(grep -c 'frame #' out)" -eq 2 ]; then ok "v8 bt 2"; else bad "v8 bt 2" "not two frames"; fi

# ---- where commands come from ----
"$autopsy" core.file -e '::jsstack' >want 2>/dev/null </dev/null
echo '::jsstack' | timeout 60 "$autopsy" core.file >out 2>err
status=$?
if [ $status -eq 0 ] && cmp -s out want; then ok "commands from standard input"; else bad "commands from standard input" "status $status"; fi
printf '::jsstack\nbt\nv8 bt\n' | timeout 60 "$autopsy" core.file >out 2>err
status=$?
says "three dialects in one script" '^js: +third' 'third.*program\.js:7:11' 'frame #0:'
ln -s "$autopsy" mdb
echo '::jsstack' | timeout 60 ./mdb core.file >out 2>err
status=$?
if [ $status -eq 0 ] && cmp -s out want; then ok "called as mdb"; else bad "called as mdb" "status $status"; fi
run "$node" core.file -e '::jsstack'
if cmp -s out want; then ok "NODE CORE"; else bad "NODE CORE" "another stack"; fi

# ---- values ----
run core.file -e '::jsstack -f third -p arg1'
dog=$(sed 's/ .*//' out)
run core.file -e "print $dog"
says "print" 'Dog' 'name.*Rex' 'tags'
run core.file -e "${dog}::jsprint"
says "::jsprint" '^\{$' '^ +"name": "Rex",$' '^ +"tags": \[' '^\}$'
run core.file -e "${dog}::jsprint name tags[2].deep"
says "::jsprint of members" 'Rex' 'inside'
run core.file -e "${dog}::jsconstructor"
says "::jsconstructor" '^Dog$'
run core.file -e "v8 inspect 0x$dog"
says "v8 inspect" 'Dog' 'name.*Rex' 'tags'
run core.file -e "v8 print 0x$dog"
says "v8 print" 'Dog'
run core.file -e "print $dog tags[2].deep"
says "print of a path" 'inside'
run core.file -e '::jsstack -a'
inner=$(sed -nE 's/^[0-9a-f]+ [0-9a-f]+ (inner|<anonymous>)[^(]*.*\(JSFunction: ([0-9a-f]+)\).*/\2/p' out | head -n 1)
for spelling in "${inner}::jsclosure" "${inner}::jsscope" "scope $inner"; do
	run core.file -e "$spelling"
	says "${spelling/$inner/ADDR}" 'captured.*seen by the closure' 'Dog'
done
run core.file -e "${inner}::jsfunction"
says "::jsfunction" '^function: inner' "^defined at $dir/program.js line 12"
for spelling in "source $inner" "${inner}::jssource"; do
	run core.file -e "$spelling"
	says "${spelling/$inner/ADDR}" '12.*const inner'
done

# ---- frames ----
run core.file -e bt -e 'frame 0' -e up -e locals
says "frame, up, locals" 'third'
run core.file -e 'v8 source list'
says "v8 source list" 'process\.abort'

# ---- the process ----
run core.file -e ::status
says "::status" 'core file of node' 'argument-of-program'
for spelling in info 'v8 nodeinfo'; do
	run core.file -e "$spelling"
	says "$spelling" 'v22\.'
done
run core.file -e info
says "info: who" 'program\.js.*argument-of-program|argument-of-program'
run core.file -e threads
says "threads" 'main'
run core.file -e mappings
says "mappings" 'bin/node'
run core.file -e profile
says "profile" 'v8dbg|symbol'
run core.file -e env
says "env" 'PLAIN_VALUE.*just-a-value'
lacks "env masks secrets" 'hunter2'
run --show-secrets core.file -e env
says "--show-secrets" 'MY_SECRET_TOKEN.*hunter2-hunter2'
run core.file --json -e env
lacks "env masks secrets in JSON" 'hunter2'
run report core.file
says "report" 'abort' 'third.*program\.js'
lacks "report masks secrets" 'hunter2'
run core.file
says "nobody types, as under cron: the report" 'abort' 'third.*program\.js'

# ---- envelopes, help, version ----
run core.file --json -e bt -e "print $dog" -e '::jsstack'
if [ $status -eq 0 ] && [ "$(wc -l <out)" -eq 3 ]; then ok "one envelope a command"; else bad "one envelope a command" "status $status, $(wc -l <out) lines"; fi
for key in tool version target command data warnings gaps; do
	if [ "$(grep -c "\"$key\":" out)" -eq 3 ]; then ok "envelope: $key"; else bad "envelope: $key" "missing"; fi
done
cp out lines
"$node" -e '
const lines = require("fs").readFileSync("lines", "utf8").trim().split("\n").map((l) => JSON.parse(l));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
if (!same(lines[0].data, lines[2].data)) throw new Error("bt and ::jsstack give other data");
if (lines[0].command !== "bt" || lines[2].command !== "::jsstack") throw new Error("command is not as typed");
' >out 2>err
status=$?
says "bt and ::jsstack are one in JSON"
run core.file --json -e 'no-such'
if [ $status -ne 0 ] && grep -qE '"data": ?null' out && grep -qE '"code": ?"' out; then ok "the envelope of an error"; else bad "the envelope of an error" "status $status"; fi
run --version
says "--version" '[0-9]+\.[0-9]+'
run --help
says "--help" 'autopsy' 'report'
run core.file -e help
says "help" 'bt' 'print'
run core.file -e 'help bt'
says "help bt" 'jsstack' 'v8 bt'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
