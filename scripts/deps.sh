#!/bin/sh
# Installs what is missing, through apt-get; does nothing, quickly, when all is there.
# usage: deps.sh build|demo|cores|check|soak ...
set -u

need='
build gcc                               command cc
build libc6-dev                         file /usr/include/stdio.h
build cmake                             command cmake
build ninja-build                       command ninja
build pkg-config                        command pkg-config
build libelf-dev                        library libelf
build libdw-dev                         library libdw
build libcapstone-dev                   library capstone
build libedit-dev                       library libedit
build libarchive-dev                    library libarchive
build libjson-c-dev                     library json-c
build libwebsockets-dev                 library libwebsockets
build libzstd-dev                       library libzstd
build libseccomp-dev                     library libseccomp
build libcap-dev                        library libcap
build libcurl4-openssl-dev               library libcurl
build libssl-dev                        library libcrypto
build liblzma-dev                       library liblzma
build liblz4-dev                        library liblz4
build zlib1g-dev                        library zlib
build libiberty-dev                     file /usr/include/libiberty/demangle.h
build libcmocka-dev                     library cmocka
demo  nodejs                            command node
cores gdb                               command gdb
check npm                               command npm
check nodejs                            command node
check ca-certificates                   file /etc/ssl/certs/ca-certificates.crt
check gdb                               command gdb
check clang                             command clang
check clang-tidy                        command clang-tidy
check clang-format                      command clang-format
check libclang-rt-14-dev                file /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a
check cppcheck                          command cppcheck
check shellcheck                        command shellcheck
check zstd                              command zstd
check xz-utils                          command xz
check lz4                               command lz4
check gzip                              command gzip
check containerd                        command containerd
check runc                              command runc
check unzip                             command unzip
check golang-go                         command go
check golang-github-masterminds-sprig-dev file /usr/share/gocode/src/github.com/Masterminds/sprig
check golang-gopkg-yaml.v3-dev          file /usr/share/gocode/src/gopkg.in/yaml.v3
check curl                              command curl
check procps                            command ps
soak  python3                           command python3
soak  curl                              command curl
'

have() {
	case $1 in
	command) command -v "$2" >/dev/null 2>&1 ;;
	library) pkg-config --exists "$2" 2>/dev/null ;;
	file)
		# shellcheck disable=SC2086
		set -- $2
		[ -e "$1" ]
		;;
	esac
}

missing() {
	echo "$need" | while read -r group package kind what; do
		case " $groups " in
		*" $group "*) [ -n "$what" ] && { have "$kind" "$what" || printf '%s ' "$package"; } ;;
		esac
	done
}

[ $# -gt 0 ] || {
	echo "usage: deps.sh build|demo|cores|check|soak ..." >&2
	exit 64
}
groups=$*
list=$(missing)
[ -z "$list" ] && exit 0

give_up() {
	echo "deps: these Debian packages are missing: $list" >&2
	echo "deps: $1" >&2
	echo "deps: install them (apt-get install $list) and run make again" >&2
	exit 1
}

command -v apt-get >/dev/null 2>&1 || give_up "there is no apt-get to install them with"
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || give_up "that needs root, and there is no sudo"
	sudo='sudo env DEBIAN_FRONTEND=noninteractive'
fi
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND

install() {
	# shellcheck disable=SC2086
	$sudo apt-get install -y -qq --no-install-recommends $list >/dev/null
}

echo "deps: installing $list" >&2
install 2>/dev/null || {
	# a bare machine has no lists, an old one has stale ones
	$sudo apt-get update -qq >/dev/null || give_up "apt-get update failed; is there a network?"
	install || give_up "apt-get install failed"
}
list=$(missing)
[ -z "$list" ] || give_up "apt-get installed them, but they are not found"
