#!/bin/bash
# Two sessions as they stand in tutorials of older tools, typed word for word on programs of the same shape: mdb in a virtual
# machine (a program that throws at its thousandth tick), and llnode in lldb (do_test -> foo -> bar, which throws a string).
# usage: walks.sh AUTOPSY MKCORE
set -u
autopsy=$(readlink -f "$1")
mkcore=$(readlink -f "$2")
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 20) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0

cat >die.js <<'END'
var obj = { myproperty: 'Hello World', count: 0 };
function increment() {
  obj.count++;
  if (obj.count === 1000) throw new Error('1000');
}
setInterval(increment, 0.01);
END
cat >index.js <<'END'

do_test()

function do_test() {
  foo("hello world");
}

function foo(input) {
  bar(input);
}

function bar(input) {
  console.log("{}", input);
  throw "Boom!";
}
END
for program in die index; do
	"$mkcore" -o $program.core -- "$node" --abort-on-uncaught-exception "$dir/$program.js" >log 2>&1
	status=$?
	[ $status -eq 77 ] && {
		echo "skip $(cat log)"
		exit 77
	}
	[ $status -eq 0 ] || {
		echo "FAIL no core: $(cat log)"
		exit 1
	}
done

# says TITLE PATTERN...: out has lines like these, in this order
says() {
	local title=$1 at=0 line pattern
	shift
	for pattern; do
		line=$(tail -n +$((at + 1)) out | grep -nE -m1 -- "$pattern" | cut -d: -f1)
		if [ -z "$line" ]; then
			failed=$((failed + 1))
			echo "FAIL $title: no '$pattern' after line $at"
			sed 's/^/     | /' out err | cut -c 1-150 | head -n 40
			return
		fi
		at=$((at + line))
	done
	passed=$((passed + 1))
	echo "ok   $title"
}

# ---- mdb ----
printf '::jsstack\n::findjsobjects -p myproperty\n' | "$autopsy" "$node" die.core >out 2>err
says '::jsstack' '^native: .*Abort' '^js: +increment$' '^js: +listOnTimeout$' '^native: '
says '::findjsobjects -p myproperty' '^[0-9a-f]+$'
address=$(tail -n 1 out)
printf '%s::jsprint\n' "$address" | "$autopsy" "$node" die.core >out 2>err
says 'ADDRESS::jsprint' '^\{$' '^    "myproperty": "Hello World",$' '^    "count": 1000,$' '^\}$'

# ---- llnode ----
word='this=0x[0-9a-f]+:<Global proxy>'
frame='^ +frame #[0-9]+: 0x[0-9a-f]{16}'
cat >typed <<'END'
v8 bt
thread backtrace all
f 6
frame select 6
v8 source list
v8 findjsobjects
v8 help
up
down
thread list
quit
::echo nobody reads this
END
"$autopsy" "$node" index.core <typed >out 2>err
status=$?
says 'v8 bt' "^ ?[* ] thread #1: tid = [0-9]+, 0x[0-9a-f]{16} node\`v8::base::OS::Abort\(\) \+ [0-9]+, name = 'node', stop reason = signal SIG(TRAP|ILL)" \
	"frame #0: 0x[0-9a-f]{16} node\`v8::base::OS::Abort\(\) \+ [0-9]+\$" \
	"$frame node\`v8::internal::Isolate::CreateMessageOrAbort\(v8::internal::" "$frame node\`v8::internal::Runtime_Throw\(int, unsigned long\*, v8::internal::Isolate\*\) \+ " \
	"$frame <exit>\$" "$frame <stub>\$" \
	"$frame bar\($word, 0x[0-9a-f]+:<String: \"hello world\">\) at $dir/index.js:14:3 fn=0x[0-9a-f]{16}\$" \
	"$frame foo\($word, 0x[0-9a-f]+:<String: \"hello world\">\) at $dir/index.js:9:3 fn=0x" \
	"$frame do_test\($word\) at $dir/index.js:5:3 fn=0x" "$frame .*<function: require at node:internal/modules/.*, 0x[0-9a-f]+:<Object: Module>, 0x[0-9a-f]+:<String: \"/" \
	"$frame <entry>\$"
number=$(grep -E 'frame #[0-9]+: .* bar\(' out | sed -E 's/.*frame #([0-9]+):.*/\1/')
says 'thread backtrace all' '^main thread .*crashed' '^ +[0-9]+ +bar +.*index\.js:14:3$' '^native thread'
if [ "$number" = 6 ]; then says 'f 6, frame select 6' '^frame 6  bar .*index\.js:14:3' '^frame 6  bar .*index\.js:14:3'; fi
says 'v8 source list' '^ +12 function bar\(input\) \{$|^ +1[0-4] ' 'throw "Boom!";'
says 'v8 findjsobjects' '^ Instances  Total Size Name$' '^ ---------- ---------- ----$' '^ +1 +[0-9]+ [A-Za-z]+$' '^ +[0-9]+ +[0-9]+$'
says 'v8 help' 'v8 bt' 'v8 inspect'
says 'up, down' '^frame [0-9]+  foo ' '^frame [0-9]+  bar '
says 'thread list' '^ *TID ' ' main '
if [ $status -eq 0 ] && ! grep -q nobody out; then passed=$((passed + 1)); else
	failed=$((failed + 1))
	echo "FAIL quit: status $status"
fi

# ---- another program talks through a pipe, as to mdb: a sentinel by the shell ends each answer ----
ln -s "$autopsy" mdb
coproc talk { HOME=$dir ./mdb -S die.core 2>err; }
say() { # LINE: the answer in `out`
	printf '%s\n!printf "@@END@@\\\\n"\n' "$1" >&"${talk[1]}"
	: >out
	while IFS= read -r -t 60 line <&"${talk[0]}"; do
		[ "$line" = @@END@@ ] && return
		printf '%s\n' "$line" >>out
	done
	echo "no sentinel" >>out
}
say '1000$w'
say '::load /some/where/mdb_v8.so'
says 'conversation: ::load' '^mdb_v8 version: ' '^V8 version: ' '^Autoconfigured V8 support from target$'
say '::findjsobjects -p myproperty | ::jsprint count'
says 'conversation: a pipe' '^1000$'
say '::nosuch'
if [ ! -s out ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
say "::jsfunctions -n increment ! awk 'NR == 2 { print \$1 }' > where && cat where"
says 'conversation: the shell' '^[0-9a-f]+$'
say "$(cat where)::jssource -n 0"
says 'conversation: ::jssource' '^file: .*die\.js$' 'function increment'
printf '::quit\n' >&"${talk[1]}"
# shellcheck disable=SC2154 # bash sets it
wait "$talk_PID"
if [ $? -eq 0 ]; then passed=$((passed + 1)); else
	failed=$((failed + 1))
	echo "FAIL the conversation ended badly"
fi
if [ "$(grep -c '^mdb: ' err)" -eq 1 ]; then passed=$((passed + 1)); else
	failed=$((failed + 1))
	echo "FAIL messages: $(cat err)"
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
