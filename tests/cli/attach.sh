#!/bin/bash
# A running process: it answers no more while it is held, and again afterwards; nothing is left behind.
# usage: attach.sh AUTOPSY
set -u
autopsy=$(readlink -f "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d) || exit 1
pid=
# shellcheck disable=SC2317 # the trap calls it
end() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null
	rm -rf "$dir"
}
trap end EXIT
cd "$dir" || exit 1
passed=0 failed=0
cat >server.js <<'END'
'use strict';
class Answer { constructor() { this.text = 'still alive'; this.count = 0; } }
const answer = new Answer();
require('http').createServer((request, response) => {
  answer.count++;
  response.end(answer.text);
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
END
"$node" server.js >port &
pid=$!
for _ in $(seq 100); do
	[ -s port ] && break
	sleep 0.1
done
port=$(cat port)

answers() { # MILLISECONDS
	"$node" -e 'const [port, ms] = process.argv.slice(1);
const r = require("http").get({ host: "127.0.0.1", port, timeout: +ms }, (m) => m.on("data", (d) => process.exit(`${d}` === "still alive" ? 0 : 1)));
r.on("timeout", () => process.exit(2)).on("error", () => process.exit(3));' "$port" "$1"
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
		sed 's/^/     | /' out err 2>/dev/null | head -n 20
	fi
}

silent() { ! answers 700; }
answers 20000 || {
	echo "FAIL the server does not answer"
	exit 1
}
"$autopsy" -p $pid -e ::status >out 2>err
status=$?
if [ $status -eq 2 ] && grep -qi 'ptrace\|permission\|permitted' err; then
	echo "skip $(cat err)"
	exit 77
fi
check 'it is said to be stopped' grep -q 'stopped by debugger' out
check 'and which it is' grep -q "debugging PID $pid" out
check 'afterwards it answers' answers 20000

# A session by a pipe that we keep open: what is written to it is typed.
mkfifo typed
"$autopsy" -p $pid <typed >out 2>err &
session=$!
exec 5>typed
echo '::findjsobjects -c Answer | ::jsprint text' >&5
for _ in $(seq 100); do
	grep -q 'still alive' out && break
	sleep 0.1
done
check 'its objects' grep -q 'still alive' out
check 'it does not answer while it is held' silent
echo '::release' >&5
for _ in $(seq 100); do
	grep -q 'runs again' out && break
	sleep 0.1
done
check 'after ::release it answers' answers 20000
echo '::findjsobjects -c Answer | ::jsprint text' >&5
echo "::attach 0t$pid" >&5
for _ in $(seq 100); do
	grep -q 'attached to' out && break
	sleep 0.1
done
check 'the picture stays after ::release' test "$(grep -c 'still alive' out)" -eq 2
check 'held again' silent
echo '::quit' >&5
exec 5>&-
wait $session
check 'after ::quit it answers' answers 20000

# Killed as no program should be.
sleep 30 | "$autopsy" -p $pid >out 2>err &
for _ in $(seq 100); do
	killed=$(pgrep -f -- "$autopsy -p $pid" | head -n 1)
	[ -n "$killed" ] && [ "$(awk '/^TracerPid/ { print $2 }' /proc/$pid/status)" = "$killed" ] && break
	sleep 0.1
done
check 'held a third time' silent
kill -9 "$killed"
check 'we are killed, and it answers' answers 20000
check 'nobody traces it' test "$(awk '/^TracerPid/ { print $2 }' /proc/$pid/status)" -eq 0
check 'no file was written' test -z "$(find . -name 'core*' -o -name 'autopsy-*')"

ln -s "$autopsy" mdb
HOME=$dir ./mdb -S -p $pid -e '::status' >out 2>err
check 'mdb -p' grep -q 'stopped by debugger' out
"$autopsy" -p 999999999 -e ::status >out 2>err
check 'no such process' test $? -eq 2
check 'it is said' grep -q 'there is no process' err
"$autopsy" -p x -e ::status >out 2>err
check 'no number' test $? -eq 64
printf '::set -o nostop\n::release\n::attach 0t%d\n::status\n' $pid | "$autopsy" -p $pid >out 2>err
check 'nostop: read and let go' grep -q "read $pid" out

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
