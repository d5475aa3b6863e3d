# What people type. The build itself is CMake's: CMakeLists.txt, CMakePresets.json.
#
#   make          the release binary, build/autopsy (and the packages it needs, if they are missing)
#   make install  binaries, man page and completions below PREFIX (/usr/local)
#   make deps     install what building, the demo and the tests need
#   make demo     crash a real program and open its core
#   make demo-fleet  a crash in a real pod, through a bucket, to its JavaScript stack (root; containerd and runc)
#   make check    all tests, live ones on Node 22, then some again in a build with ASan and UBSan
#   make matrix   the live tests on every Node
#   make bench    speed and memory, as ratios
#   make tidy     clang-tidy over all sources
#   make soak     ten minutes of fuzzing per target, under ASan and UBSan; cores damaged in a thousand ways; stores and agents killed
#   make clean

BUILD := build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
CTEST := ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $(JOBS)

all: build-deps
	@cmake --preset release -B $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	cmake --build $(BUILD) -j $(JOBS)

install: all
	cmake --install $(BUILD) --prefix $(PREFIX)

deps:
	@scripts/deps.sh build demo check

build-deps:
	@scripts/deps.sh build

demo: all
	@scripts/deps.sh demo
	@scripts/demo.sh $(BUILD)

demo-fleet: all
	@scripts/deps.sh check
	@scripts/demo-fleet.sh $(BUILD)

check: all
	@scripts/deps.sh check
	$(CTEST) -L check
	@$(MAKE) --no-print-directory sanitize

# What reads hostile bytes, once more where a byte too far is seen. Its own step, after the others: it builds everything anew.
sanitize: build-deps
	@cmake --preset asan -B build-asan >build-asan.log 2>&1 || { cat build-asan.log; rm -f build-asan.log; exit 1; }
	@rm -f build-asan.log
	cmake --build build-asan -j $(JOBS)
	$(subst --test-dir $(BUILD),--test-dir build-asan,$(CTEST)) -L sanitize

matrix: all
	@scripts/deps.sh check
	@$(CTEST) -L matrix; status=$$?; tests/heap/table.sh $(BUILD); exit $$status

bench: all
	@scripts/deps.sh check
	@bench/run.sh $(BUILD)
	@bench/objects.sh $(BUILD)
	@bench/graph/core.sh $(BUILD)
	@bench/npm.sh
	@bench/snapshot/run.sh $(BUILD)/autopsy-snapshot
	@bench/snapshot/http.sh $(BUILD)/autopsy-snapshot
	@bench/fleet/run.sh $(BUILD)

soak: all
	@scripts/deps.sh check soak
	@scripts/soak.sh

tidy: all
	@scripts/deps.sh check
	@tests/lint/tidy.sh $(BUILD)

clean:
	rm -rf $(BUILD) build-*

.PHONY: all install deps build-deps demo demo-fleet check sanitize matrix bench tidy soak clean
