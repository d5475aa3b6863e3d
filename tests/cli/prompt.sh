#!/bin/bash
# The prompt, on a terminal: keys, history, search, completion, pager, ^C during a scan, colours, 80 columns.
# usage: prompt.sh AUTOPSY TOOLS_DIR
set -u
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export HOME=$dir TERM=xterm LC_ALL=C.UTF-8
unset NO_COLOR XDG_STATE_HOME AUTOPSY_HISTORY EDITRC
passed=0 failed=0

cat >small.js <<'END'
'use strict';
class Kennel { constructor(i) { this.number = i; this.nameplate = `kennel ${i}`; } }
function keep(kennel, other) { process.abort(kennel, other); }
const all = [];
for (let i = 0; i < 200; i++) all.push(new Kennel(i));
keep(all[7], all);
END
# Enough that a scan takes a while: some 3 million objects.
cat >large.js <<'END'
'use strict';
class Item { constructor(i) { this.i = i; this.next = { i }; } }
const all = [];
for (let i = 0; i < 1500000; i++) all.push(new Item(i));
process.abort(all);
END
for program in small large; do
	"$tools/mkcore" -o $program.core -- "$node" --max-old-space-size=2000 "$dir/$program.js" 2>log
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

# terminal TITLE [OPTION OF pty ...] -- ARGUMENT ... <SCRIPT
terminal() {
	local title=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	if "$tools/pty" "${options[@]}" -o screen "$autopsy" "$@" 2>err; then
		passed=$((passed + 1))
		echo "ok   $title"
	else
		failed=$((failed + 1))
		echo "FAIL $title"
		sed 's/^/     | /' err | tail -n 30
	fi
}

check() { # TITLE CONDITION...
	local title=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok   $title"
	else
		failed=$((failed + 1))
		echo "FAIL $title"
	fi
}

terminal 'first screen, a command, ^D' -- small.core <<'END'
wait WHAT HAPPENED
prompt
line ::echo one two
wait one two
prompt
key ^D
exit 0
END

terminal 'the history: up, ^R, and the next session' -- small.core <<'END'
prompt
line ::echo first
prompt
line ::echo second
prompt
key up
key up
key enter
wait first
prompt
key ^R
type sec
wait second
key enter
prompt
key ^D
exit 0
END
check 'second was run again' test "$(grep -c '^second' screen)" -eq 2
check 'the history is for the user only' test "$(stat -c %a .local/state/autopsy/history)" = 600
terminal 'the next session has it' -- small.core <<'END'
prompt
key up
wait ::echo second
key ^U
key ^D
exit 0
END

terminal 'emacs keys' -- small.core <<'END'
prompt
type ::echo three
key ^A
key ^K
type ::echo four
key ^A
key ^E
key backspace
type nd
key enter
wait found
prompt
key ^D
exit 0
END
terminal 'vi keys' -- small.core <<'END'
prompt
line ::set -o vi
prompt
type ::echo abc
key esc
type xa!
key backspace
type d
key enter
wait abd
prompt
line ::quit
exit 0
END

# The editor draws only what is new: the rest of each word.
terminal 'completion of verbs, dcmds, llnode, options, names' -- small.core <<'END'
prompt
type mappi
key tab
wait ngs 
key ^U
type ::find
key tab
wait jsobjects
key ^U
type v8 findjsi
key tab
wait nstances
key ^U
type objects --const
key tab
wait ructor
key ^U
type objects -c Kenn
key tab
wait el 
key ^U
type objects -p namepl
key tab
wait ate 
key ^U
type instances Kenn
key tab
wait el 
key ^U
type print kenn
key tab
wait el
key ^U
type print kennel.namep
key tab
wait late
key ^U
type <thr
key tab
wait ead
key ^U
type help jscl
key tab
wait osure
key ^U
type ::jsc
key tab
key tab
wait jsclosure
wait jsconstructor
key ^U
key ^D
exit 0
END

terminal 'the pager: a screen, a line, q leaves' -- small.core <<'END'
prompt
line mappings
wait >> More
lacks [ stack ]
key enter
wait >> More
key space
wait >> More
key q
prompt
line ::echo whole
wait whole
prompt
line ::echo before; mappings; ::echo behind
wait before
wait >> More
key q
wait behind
prompt
line mappings; ::echo behind
wait >> More
key a
prompt
lacks behind
line mappings
wait >> More
key c
wait [ stack ]
prompt
line ::set +o pager
prompt
line mappings
prompt
lacks >> More
key ^D
exit 0
END

terminal '^C: at the prompt it asks, twice it leaves' -- small.core <<'END'
prompt
type half a line
key ^C
wait again to quit
line ::echo still here
wait still here
prompt
key ^C
wait again to quit
key ^C
exit 0
END

terminal '^C stops a scan within 0.5 s, and the next is whole' -- large.core <<'END'
wait WHAT HAPPENED
wait NEXT
within 1500 > 
line objects -c Item
sleep 60
key ^C
within 500 > 
prompt
line ::echo whole
wait whole
prompt
line objects -c Item
wait 1500000
prompt
line <rsp::ugrep
sleep 20
key ^C
within 500 > 
prompt
line instances Item -n 1
wait 1500000 live objects
prompt
key ^D
exit 0
END
check 'the scan was interrupted' grep -q 'interrupted' screen

# At two moments each; test_graph and test_growth stop what comes after the graph is filled.
for wait in 300 700; do
	terminal "^C $wait ms into what a graph takes stops it within a second" -- large.core <<END
wait NEXT
within 1500 > 
line diff large.core
sleep $wait
key ^C
within 1000 > 
line ::echo after diff
wait after diff
prompt
line heapsnapshot -f -o large.heapsnapshot
sleep $wait
key ^C
within 1000 > 
line dominators -n 1
wait RETAINED
prompt
key ^D
exit 0
END
	check "$wait ms: both were interrupted" test "$(grep -c 'interrupted' screen)" -ge 2
	check "$wait ms: no part of a file is left" test ! -e large.heapsnapshot
done

terminal '^C while an old snapshot is read' -- large.core <<'END'
wait NEXT
within 1500 > 
line heapsnapshot -o old.heapsnapshot
wait open it in Chrome
prompt
line diff old.heapsnapshot
sleep 300
key ^C
within 500 > 
line ::echo after diff
wait after diff
prompt
key ^D
exit 0
END
check 'its reading was interrupted' grep -q 'interrupted' screen

terminal 'the first screen and the prompt do not wait for the heap' -- large.core <<'END'
within 3000 NEXT
within 500 > 
line ::echo usable
within 700 usable
prompt
sleep 1500
line objects -c Item
within 1500 1500000
prompt
key ^D
exit 0
END

terminal 'a misspelt command' -- small.core <<'END'
prompt
line threds
wait did you mean threads
prompt
line ::findjsobject
wait did you mean ::findjsobjects
prompt
line v8 findjsobject
wait did you mean v8 findjsobjects
prompt
key ^D
exit 0
END

terminal '80 columns' -c 80 -- small.core <<'END'
prompt
line threads
prompt
line objects
wait >> More
key c
prompt
line mappings
wait >> More
key c
prompt
line help
wait >> More
key c
prompt
key ^D
exit 0
END
sed 's/\x1b\[[0-9;?]*[A-Za-z]//g; s/\r//g' screen | grep -vE '^> |More' | awk 'length > 80' >wide
check 'no line is wider' test ! -s wide
head -n 3 wide
terminal 'the window grows' -c 80 -- small.core <<'END'
prompt
size 40 120
line $w
wait output page width = 120
prompt
key ^D
exit 0
END
check 'there were colours' grep -q $'\x1b\\[1m' screen
NO_COLOR=1 terminal 'NO_COLOR' -- small.core <<'END'
prompt
line bt
wait >> More
key c
prompt
key ^D
exit 0
END
check 'there are none' test "$(grep -c $'\x1b\\[[0-9;]*m' screen)" -eq 0

# ---- a reader that goes away ----
for verb in mappings heap '::dcmds'; do
	"$autopsy" small.core -e "$verb" 2>err | head -n 1 >out
	check "$verb | head says nothing" test ! -s err
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
