#!/bin/bash
# What `make install` puts below a prefix works from there: the tool finds its other programs, and answers to its other names.
# usage: install.sh BUILD_DIR
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
check() { if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: \"$2\", expected \"$3\""; failed=1; fi; }

cmake --install "$1" --prefix "$dir/usr" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
PATH=$dir/usr/bin:$PATH
cd "$dir" || exit 1
check "version" "$(autopsy --version | cut -d' ' -f1)" autopsy
check "programs beside it" "$(autopsy snapshot --help | head -n 1 | cut -d' ' -f1-3)" "usage: autopsy snapshot"
check "ncore" "$(ncore --help | head -n 1 | cut -d' ' -f1-2)" "usage: ncore"
check "autopsy-status" "$(autopsy-status --json | grep -c '"tool":"autopsy"')" 1
check "man page" "$(grep -c "^.TH" usr/share/man/man1/autopsy.1)" 1
check "bash completion" "$(bash -c '. usr/share/bash-completion/completions/autopsy && complete -p autopsy' | grep -c autopsy)" 1
exit $failed
