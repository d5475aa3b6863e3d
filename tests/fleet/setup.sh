#!/bin/bash
# setup, start, stop, status, remove: what they change, and that remove puts it back byte for byte, also after SIGKILL anywhere.
# usage: setup.sh AUTOPSY TOOLS_DIR
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
if [ -z "${SETUP_TEST_DIR:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "skipped: core_pattern needs root"; exit 77; }
	dir=$(mktemp -d /tmp/aps.XXXX) || exit 1
	trap 'rm -rf "$dir"' EXIT
	chmod 755 "$dir"
	case $autopsy in
	/tmp/*) echo "skipped: setup refuses a program below /tmp"; exit 77 ;;
	esac
	# The way that cores go meanwhile, under the lock of all who change it; put back whatever happens here.
	# If cores go into files, they go into the same ones.
	old=$(head -n 1 /proc/sys/kernel/core_pattern)
	case $old in '' | '|'* | '@'* | /*) old=core ;; esac
	SETUP_TEST_DIR=$dir SETUP_TEST_OLD=$old "$tools/corepattern" -f "$old" "$0" "$autopsy" "$tools"
	exit $?
fi
dir=$SETUP_TEST_DIR
cd "$dir" || exit 1
old=$SETUP_TEST_OLD
ulimit -c unlimited

export AUTOPSY_TEST=$$
config() {
	cat >c <<-CONF
	spool = $dir/spool
	reserve = 1%
	rule = capture env AUTOPSY_TEST=$AUTOPSY_TEST
	rule = pass any
	CONF
}
kernel() { cat /proc/sys/kernel/core_pattern /proc/sys/kernel/core_pipe_limit /proc/sys/fs/suid_dumpable; }

config
cp c c.before
before=$(kernel)
"$autopsy" status -c "$dir/c" >out
is "status before: status" $? 0
is "status before: files" "$(grep -c 'written as files' out)" 1
"$autopsy" status --test -c "$dir/c" >out
is "status --test finds the file" $? 0
"$autopsy" setup -c "$dir/c" --chain >out
is "setup" $? 0
is "the pattern is ours" "$(grep -c "^|$autopsy handle -c$dir/c %P" /proc/sys/kernel/core_pattern)" 1
is "the kernel waits" "$(($(cat /proc/sys/kernel/core_pipe_limit) > 0))" 1
is "the way of before is the chain" "$(grep '^chain' c)" "chain = $old"
"$autopsy" status --test --json -c "$dir/c" >out
is "status --test: its core is in the spool" $? 0
is "status --test says where" "$(grep -c "\"test_core\":\"$dir/spool/crashes/" out)" 1
is "and who collects" "$(grep -c '"collected_by":"autopsy"' out)" 1
(unset AUTOPSY_TEST; "$tools/crasher" -m 1) 2>/dev/null
is "other cores go where they went" "$(find . -maxdepth 1 -name 'core*' | wc -l)" 1
rm -f core*
"$autopsy" setup -c "$dir/c" --chain >out
is "setup twice" "$?" 0
is "setup twice: one chain" "$(grep -c '^chain' c)" 1
cp "$autopsy" autopsy-stop 2>/dev/null
ln -sf "$autopsy" autopsy-stop
./autopsy-stop -c "$dir/c" >out
is "autopsy-stop: status" $? 0
is "autopsy-stop: the kernel's settings are back" "$(kernel)" "$before"
"$autopsy" start -c "$dir/c" >out
is "start: ours again" "$(grep -c "^|$autopsy" /proc/sys/kernel/core_pattern)" 1
"$autopsy" remove -c "$dir/c" >out
is "remove: status" $? 0
is "remove: the kernel's settings are back" "$(kernel)" "$before"
cmp -s c c.before && ok "remove: the configuration is byte for byte" || bad "remove: c differs"
is "remove: no journal" "$(ls spool/setup.journal 2>/dev/null)" ""
is "remove: the crashes stay" "$(ls spool/crashes | wc -l)" 1
"$autopsy" remove -c "$dir/c" >out
is "remove twice: nothing to do" "$? $(grep -c 'nothing was set up' out)" "0 1"

# A configuration where there was none: its directory goes with it, but not with what is not ours in it.
mkdir etc
AUTOPSY_SPOOL=$dir/spool "$autopsy" setup -c "$dir/etc/autopsy/conf" >out
is "setup writes a configuration" "$? $(grep -c '^#spool' etc/autopsy/conf)" "0 1"
AUTOPSY_SPOOL=$dir/spool "$autopsy" remove -c "$dir/etc/autopsy/conf" >out
is "remove: nothing is left of it" "$? $(ls etc)" "0 "
AUTOPSY_SPOOL=$dir/spool "$autopsy" setup -c "$dir/etc/autopsy/conf" >out
echo theirs >etc/autopsy/theirs
AUTOPSY_SPOOL=$dir/spool "$autopsy" remove -c "$dir/etc/autopsy/conf" >out
is "remove: what is not ours stays" "$(ls etc/autopsy)" theirs
rm -r etc
mkdir -p etc/autopsy
AUTOPSY_SPOOL=$dir/spool "$autopsy" setup -c "$dir/etc/autopsy/conf" >out
AUTOPSY_SPOOL=$dir/spool "$autopsy" remove -c "$dir/etc/autopsy/conf" >out
is "remove: a directory of before stays" "$(ls -d etc/*)" etc/autopsy

# What somebody else changed since is his.
"$autopsy" setup -c "$dir/c" >/dev/null
echo "core.theirs" >/proc/sys/kernel/core_pattern # nobody crashes into it for long
"$autopsy" remove -c "$dir/c" >out
is "a foreign change stays" "$(cat /proc/sys/kernel/core_pattern)" core.theirs
is "a foreign change is said" "$(grep -c 'somebody else' out)" 1
echo "$old" >/proc/sys/kernel/core_pattern

# Another handler in the way.
mkdir bin
for name in apport systemd-coredump somebody; do
	# Others may crash in this second: their cores go into files still.
	printf '#!/bin/sh\nexec cat >"/proc/$1/cwd/core"\n' >bin/$name
	chmod 755 bin/$name
done
for other in "apport:|$dir/bin/apport %P" "systemd-coredump:|$dir/bin/systemd-coredump %P" \
	"another program:|$dir/bin/somebody %P"; do
	echo "${other#*:}" >/proc/sys/kernel/core_pattern
	"$autopsy" setup -c "$dir/c" >out 2>&1
	is "refused: ${other%%:*}" "$? $(grep -c "${other%%:*}" out) $(grep -c -- --chain out)" "2 1 1"
	is "refused: nothing changed" "$(cat /proc/sys/kernel/core_pattern)" "${other#*:}"
	"$autopsy" setup --replace -c "$dir/c" >out 2>&1
	is "replaced: ${other%%:*}" "$? $(grep -c "^|$autopsy" /proc/sys/kernel/core_pattern)" "0 1"
	"$autopsy" remove -c "$dir/c" >out
	is "given back: ${other%%:*}" "$(cat /proc/sys/kernel/core_pattern)" "${other#*:}"
done
echo "$old" >/proc/sys/kernel/core_pattern

# A path that the kernel would cut off; a program that others can change.
long=$dir/$(printf 'x%.0s' $(seq 100))
mkdir "$long"
cp c "$long/c"
"$autopsy" setup -c "$long/c" >out 2>&1
is "a pattern that is too long" "$? $(grep -c 'cuts it off after 127' out)" "2 1"
"$autopsy" remove -c "$long/c" >/dev/null
mkdir -m 777 open
chmod 777 open
cp "$autopsy" open/autopsy
open/autopsy setup -c "$dir/c" >out 2>&1
is "a program that others can change" "$? $(grep -c 'changed by others than root' out)" "2 1"
"$autopsy" remove -c "$dir/c" >/dev/null
is "nothing is left of those" "$(kernel)" "$before"

# SIGKILL of setup at points all over it, then remove.
wrong=0
for i in $(seq 20); do
	config
	"$autopsy" setup --chain -c "$dir/c" >/dev/null 2>&1 &
	pid=$!
	sleep "$(awk -v i="$i" 'BEGIN { print i * 0.001 }')"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	"$autopsy" remove -c "$dir/c" >out 2>&1 || wrong=$((wrong + 1))
	[ "$(kernel)" = "$before" ] || { bad "SIGKILL of setup, point $i: $(kernel | tr '\n' ' ')"; wrong=$((wrong + 1)); }
	cmp -s c c.before || { bad "SIGKILL of setup, point $i: the configuration differs"; wrong=$((wrong + 1)); }
done
is "SIGKILL of setup at 20 points, then remove" $wrong 0

# Without root it does what it can, in places of its own.
mkdir -m 777 home
chmod 777 home
echo "# mine" >home/.profile
chmod 666 home/.profile
cp home/.profile profile.before
user() { setpriv --reuid 65534 --regid 65534 --clear-groups env -u AUTOPSY_TEST HOME="$dir/home" XDG_DATA_HOME="$dir/home/data" XDG_CONFIG_HOME="$dir/home/config" "$@"; }
user "$autopsy" setup >out 2>&1
is "without root" "$? $(grep -c 'ulimit -c unlimited' out)" "0 1"
is "without root: the limit in .profile" "$(grep -c '^ulimit -S -c unlimited' home/.profile)" 1
is "without root: its own spool" "$(ls -d home/data/autopsy/crashes)" home/data/autopsy/crashes
user "$autopsy" remove >out 2>&1
cmp -s home/.profile profile.before && ok "without root: remove" || bad "without root: .profile differs"
user "$autopsy" start >out 2>&1
is "start without root says what to do" "$? $(grep -c 'sudo autopsy start' out)" "2 1"
exit $fail
