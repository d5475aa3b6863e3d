# shellcheck shell=bash
# Shared by the tests of crashes: what they say, and how the tool is asked. $autopsy, $node and $dir are the test's; so is $fail,
# which says at its end whether anything was wrong.
fail=0

ok() { echo "ok   $1"; }
bad() { echo "FAIL $1"; fail=1; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: '$2', expected '$3'"; fi; }
yes() { local title=$1; shift; if "$@" >/dev/null 2>&1; then ok "$title"; else bad "$title: $*"; fi; }
# tool SUBCOMMAND ...: with the test's configuration
tool() { local verb=$1; shift; "$autopsy" "$verb" -c "$dir/${config_file:-c}" "$@"; }
# js EXPRESSION: of the envelope on standard input
js() { "$node" -e 'const d = JSON.parse(require("fs").readFileSync(0, "utf8")).data; console.log(eval(process.argv[1]));' "$1"; }

# For tests that start servers: $servers are their pids.
servers=
stop_servers() {
	for pid in $servers; do kill -9 "$pid" && wait "$pid"; done 2>/dev/null
	rm -rf "$dir"
}
