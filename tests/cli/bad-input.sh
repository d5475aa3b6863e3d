#!/bin/bash
# What is not a whole core of a Node: one clear message (what, where, what to do), the right exit status, never a crash,
# never a hang. And what is a core in another wrapping opens like the plain one.
# usage: bad-input.sh AUTOPSY MKCORE
set -u
autopsy=$(readlink -f "$1")
mkcore=$(readlink -f "$2")
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
other=$("$root/scripts/fetch-node.sh" 20) || exit 1
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+rwx "$dir"; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
mkdir tmp && export TMPDIR=$dir/tmp # what the tool leaves behind would be here
passed=0 failed=0 skipped=0

ok() {
	passed=$((passed + 1))
	echo "ok   $1"
}

bad() {
	failed=$((failed + 1))
	echo "FAIL $1: $2"
}

skip() {
	skipped=$((skipped + 1))
	echo "skip $1: $2"
}

# run ARG ...: the tool with a time limit; status in $status, what it said in `out` and `err`.
run() {
	timeout -k 5 60 "$autopsy" "$@" >out 2>err </dev/null
	status=$?
}

lived() {
	# 124 and 137: out of time; above 128: a signal
	[ $status -lt 124 ]
}

# refuses TITLE PATH WORDS ARG ...: exit 2, and what is wrong, where, and what to do, as text and as JSON.
refuses() {
	local title=$1 path=$2 words=$3
	shift 3
	run "$@" -e bt
	if [ $status -ne 2 ]; then
		bad "$title" "exit status $status, expected 2: $(head -c 300 err)"
	elif ! grep -qF -- "$path" err; then
		bad "$title" "the message does not say where ($path): $(head -c 300 err)"
	elif ! grep -qiE -- "$words" err; then
		bad "$title" "the message does not say what ($words): $(head -c 300 err)"
	elif [ "$(wc -l <err)" -gt 6 ]; then
		bad "$title" "$(wc -l <err) lines for one error"
	else
		ok "$title"
	fi
	run --json "$@" -e bt
	if [ $status -ne 2 ]; then
		bad "$title, JSON" "exit status $status, expected 2"
	elif [ "$(wc -l <out)" -ne 1 ] || ! grep -qE '"data": ?null' out || ! grep -qE '"message": ?"' out; then
		bad "$title, JSON" "no envelope with an error: $(head -c 300 out)"
	elif ! grep -qE '"hint": ?"' out; then
		bad "$title, JSON" "no hint: $(head -c 300 out)"
	else
		ok "$title, JSON"
	fi
}

bt() {
	# the stack without what differs between runs and inputs
	timeout -k 5 60 "$autopsy" --json "$@" -e bt 2>err </dev/null | sed 's/.*"data": *//; s/, *"warnings".*//'
}

# ---- the core everything is made of ----
cat >die.js <<'END'
function die(what) { process.abort(); }
setTimeout(() => die({ answer: 42 }), 1);
END
"$mkcore" -o good -- "$node" "$dir/die.js" 2>log
status=$?
if [ $status -eq 77 ]; then
	echo "skip $(cat log)"
	exit 77
elif [ $status -ne 0 ]; then
	echo "FAIL no core: $(cat log)"
	exit 1
fi
truth=$(bt good)
case $truth in
*'"die"'*) ok "the good core" ;;
*)
	bad "the good core" "no frame 'die': $(head -c 300 err) ${truth:0:300}"
	echo "$passed passed, $failed failed, $skipped skipped"
	exit 1
	;;
esac

# ---- not a core at all ----
echo 'Dear diary, today the server died.' >text
refuses "a text" text "not.*core|not.*ELF" text
: >empty
refuses "an empty file" empty "empty" empty
mkdir folder
refuses "a directory" folder "directory" folder
refuses "no such file" nowhere "no such|not exist|not found" nowhere
refuses "a mistyped subcommand" sanpshot "did you mean autopsy snapshot" sanpshot 4711
head -c 100000 /dev/urandom >noise
refuses "noise" noise "not.*core|not.*ELF" noise
refuses "a program alone" "$(readlink -f /bin/sleep)" "not a core|no core|program" "$(readlink -f /bin/sleep)"
printf '\177ELF' >four
refuses "four bytes" four "cut off|truncated|ELF" four
printf '{"not": "a crash file"}' >some.json
refuses "some JSON" some.json "neither a crash file nor a panic dump" some.json
gzip -c text >text.gz
refuses "a packed text" text.gz "not.*core|not.*ELF" text.gz
gzip -1 -c good >half.gz
truncate -s $(($(stat -c %s half.gz) / 2)) half.gz
run half.gz -e bt
if lived && [ $status -ne 0 ] && grep -qi 'cut off' err; then ok "a packed core, cut off"; else
	bad "a packed core, cut off" "exit status $status: $(head -c 300 err)"
fi
cp good unreadable
chmod 000 unreadable
if [ "$(id -u)" -ne 0 ]; then
	refuses "an unreadable file" unreadable "permission" unreadable
elif command -v setpriv >/dev/null && chmod 755 "$dir" && mkdir open && chmod 777 open &&
	cp "$autopsy" open/autopsy && chmod 755 open/autopsy && setpriv --reuid 65534 --clear-groups open/autopsy --version >/dev/null 2>&1; then
	setpriv --reuid 65534 --clear-groups open/autopsy unreadable -e bt >out 2>err </dev/null
	status=$?
	if [ $status -eq 2 ] && grep -qi 'unreadable.*permission\|permission.*unreadable' err; then ok "an unreadable file"; else
		bad "an unreadable file" "exit status $status: $(head -c 300 err)"
	fi
else
	skip "an unreadable file" "root reads everything, and no other user could run the tool"
fi

# ---- a core, but not ours ----
# header CLASS DATA TYPE MACHINE: the ELF header of a core with no segments
header() {
	# shellcheck disable=SC2059
	printf "\177ELF\x$1\x$2\x01\0\0\0\0\0\0\0\0\0\x$3\0\x$4\0\x01\0\0\0"
	printf '\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\0\0\x40\0\0\0\0\0'
}
header 02 01 04 b7 >aarch64
refuses "another architecture" aarch64 "aarch64|arm|architecture|machine" aarch64
header 02 01 04 f3 >riscv
refuses "one more architecture" riscv "riscv|risc-v|architecture|machine" riscv
header 01 01 04 03 >i386
refuses "32 bits" i386 "32.?bit" i386
header 02 02 04 3e >big-endian
refuses "big endian" big-endian "endian|byte order" big-endian
header 02 01 02 3e >program
refuses "the header of a program" program "not a core|program" program
header 02 01 04 3e >no-segments
refuses "a core without segments" no-segments "no |empty|nothing|cut off|truncated" no-segments
# shellcheck disable=SC2016
"$mkcore" -o shell.core -- sh -c 'kill -ABRT $$' 2>log
refuses "a core of a shell" shell.core "not.*node|no node" shell.core

# ---- the wrong program for it ----
bt "$node" good >out
if [ "$(cat out)" = "$truth" ]; then ok "NODE and CORE"; else bad "NODE and CORE" "another stack: $(head -c 300 err)"; fi
bt good "$node" >out
if [ "$(cat out)" = "$truth" ]; then ok "NODE and CORE swapped"; else bad "NODE and CORE swapped" "another stack: $(head -c 300 err)"; fi
refuses "another Node" "$other" "build.?id" "$other" good
id() { readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p'; }
if command -v readelf >/dev/null; then
	run "$other" good -e bt
	if grep -q "$(id "$other")" err && grep -q "$(id "$node")" err; then ok "another Node: both ids"; else
		bad "another Node: both ids" "$(head -c 300 err)"
	fi
else
	skip "another Node: both ids" "there is no readelf"
fi
run --force "$other" good -e bt
if lived; then ok "another Node, forced: $status"; else bad "another Node, forced" "exit status $status"; fi
refuses "a program that is no Node" /bin/sleep "node|build.?id" /bin/sleep good
refuses "two cores" good "two|both|core" good good

# Without V8's metadata: a copy of Node with the names made unknown. Either it says so, or it reads the stack all the same.
sed 's/v8dbg_/v8xxx_/g' "$node" >blank-node
chmod +x blank-node
"$mkcore" -o blank.core -- "$dir/blank-node" "$dir/die.js" 2>log
run blank.core -e bt
if [ $status -eq 2 ] && grep -qi metadata err; then ok "no metadata: refused"
elif [ $status -le 1 ] && grep -q 'die' out; then ok "no metadata: read all the same ($status)"
else bad "no metadata" "exit status $status: $(head -c 300 err)"; fi
rm -f blank-node blank.core

# ---- cut off, at whatever point ----
size=$(stat -c %s good)
phoff=64
read -r note_at note_size < <(readelf -lW good 2>/dev/null | awk '$1 == "NOTE" { print $2, $5 }')
note_at=$((note_at)) note_size=$((note_size))
[ $note_size -gt 0 ] || bad "the notes" "not found in the good core"
cut_at() {
	# cut_at TITLE SIZE STATUS...: one of these statuses, and it says what is missing
	local title="cut at $2 ($1)" at=$2
	shift 2
	cp --sparse=always good shortened
	truncate -s "$at" shortened
	run shortened -e bt
	local fits=no s
	for s in "$@"; do [ $status -eq "$s" ] && fits=yes; done
	if [ $fits = no ]; then
		bad "$title" "exit status $status, expected $*: $(head -c 300 err)"
	elif ! grep -qiE 'cut|trunc|missing|empty|too short' err; then
		bad "$title" "nothing says that it is cut: $(head -c 300 err)"
	else
		ok "$title: $status"
	fi
}
for at in 0 1 4 16 63; do cut_at "in the ELF header" $at 2; done
for at in $phoff $((phoff + 1)) $((phoff + 56)) $((phoff + 300)); do cut_at "in the program headers" $at 1 2; done
for at in "$note_at" $((note_at + 8)) $((note_at + note_size / 3)) $((note_at + note_size - 1)); do
	cut_at "in the notes" "$at" 1 2
done
for at in $((note_at + note_size)) $((note_at + note_size + 1)) $((size / 20)) $((size / 10 + 123)); do
	cut_at "in the memory" $at 1
done
for i in 1 2 3 4 5 6 7 8 9; do cut_at "in the memory" $((size * i / 10 + i)) 1; done
cut_at "one byte" $((size - 1)) 1

# ---- wrapped ----
gzip -1 -c good >good.gz
command -v zstd >/dev/null && zstd -q -1 -c good >good.zst
command -v xz >/dev/null && xz -0 -T2 -c good >good.xz
command -v lz4 >/dev/null && lz4 -q -1 -c good >good.lz4
for kind in gz zst xz lz4; do
	if [ ! -s good.$kind ]; then
		skip "a core in $kind" "there is no program to pack it"
	elif [ "$(bt good.$kind)" = "$truth" ]; then
		ok "a core in $kind"
	else
		bad "a core in $kind" "another stack: $(head -c 300 err)"
	fi
	cp good.$kind misnamed
	if [ -s good.$kind ]; then
		if [ "$(bt misnamed)" = "$truth" ]; then ok "a core in $kind, without the suffix"; else
			bad "a core in $kind, without the suffix" "another stack: $(head -c 300 err)"
		fi
	fi
done
mkfifo pipe
for file in good good.gz; do
	# who opens the FIFO waits for the other side: not for ever
	timeout 60 sh -c "cat $file >pipe" >/dev/null 2>&1 &
	writer=$!
	if [ "$(bt pipe)" = "$truth" ]; then ok "a FIFO: $file"; else bad "a FIFO: $file" "another stack: $(head -c 300 err)"; fi
	kill $writer 2>/dev/null
	wait $writer 2>/dev/null
done
got=$(timeout -k 5 60 "$autopsy" --json - -e bt <good 2>err | sed 's/.*"data": *//; s/, *"warnings".*//')
if [ "$got" = "$truth" ]; then ok "standard input"; else bad "standard input" "another stack: $(head -c 300 err)"; fi
got=$(gzip -dc good.gz | timeout -k 5 60 "$autopsy" --json - -e bt 2>err | sed 's/.*"data": *//; s/, *"warnings".*//')
if [ "$got" = "$truth" ]; then ok "a pipe on standard input"; else bad "a pipe on standard input" "another stack: $(head -c 300 err)"; fi
left=$(ls -A tmp)
if [ -z "$left" ]; then ok "no temporary file is left"; else bad "no temporary file is left" "$left"; fi

# ---- the command line ----
usage() {
	local title=$1
	shift
	run "$@"
	if [ $status -eq 64 ] && [ -s err ]; then ok "$title"; else bad "$title" "exit status $status, expected 64: $(head -c 300 err)"; fi
}
usage "no arguments"
usage "an unknown option" --no-such-option good
usage "-e without a command" good -e
usage "too many files" good good good
run good -e 'no-such-command'
if lived && [ $status -ne 0 ] && grep -q no-such-command err; then ok "an unknown command: $status"; else
	bad "an unknown command" "exit status $status: $(head -c 300 err)"
fi
run good -e 'print 0x1'
if lived && [ $status -ne 0 ] && [ -s err ]; then ok "an address that is none: $status"; else
	bad "an address that is none" "exit status $status: $(head -c 300 err)"
fi
run good -e bt -e no-such-command -e bt
if [ "$(grep -c die out)" -ge 2 ]; then ok "a bad command does not stop the others"; else
	bad "a bad command does not stop the others" "exit status $status: $(head -c 300 out)"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
