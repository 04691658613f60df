# What those who work on tp call; `make help` tells. Users of tp need CMake alone: see README.md.

BUILD  = build
PREFIX = /usr/local
ROUNDS = 20
SOAK   = 3600
FUZZ_SECONDS = 3600

JOBS = --parallel $(shell nproc)
MAKEFLAGS += --no-print-directory

.PHONY: all demo test lint sanitize valgrind loom faults stress fuzz fuzz-short shuttle soak soak-short mutants coverage cross reproducible bench bench-quick counts counts-diff scaling install clean help
.PHONY: deps-build deps-demo deps-test deps-bench deps-counts deps-fuzz bench-programs
.PHONY: test-arrows test-header test-rust test-c test-install test-examples test-python test-tsan
.NOTPARALLEL:

all: deps-build ## Build libtp.so, libtp.a, the examples and the tests
	cmake -B $(BUILD)
	cmake --build $(BUILD) $(JOBS)

demo: deps-demo all ## Pack a 200 MB file with pgzip, beside gzip and pigz
	tests/demo.sh $(BUILD)/c-examples/pgzip

test: deps-test test-arrows test-header test-rust test-c test-tsan test-python test-examples test-install loom shuttle fuzz-short soak-short sanitize ## Run every test

lint: deps-test ## Check formats, lints and warnings
	tests/lint.sh

test-arrows:
	tests/arrows.sh
test-header:
	tests/header.sh
test-rust:
	cargo test --locked
test-c: all
	ctest --test-dir $(BUILD) --output-on-failure $(JOBS)
test-tsan: all
	tests/tsan/run.sh $(BUILD)
test-python: all
	TP_LIBRARY=$(abspath $(BUILD))/lib/libtp.so python3 -m unittest discover -s tests/python -p 'test_*.py'
test-examples: all
	tests/examples/run.sh $(BUILD)/c-examples
test-install: all
	tests/install/run.sh $(BUILD)

loom: ## Check the protocols against every order of events
	RUSTFLAGS="--cfg loom" cargo test --locked --release --lib --target-dir target/loom loom

shuttle: ## Run whole pools under random schedules, and under those of PCT
	RUSTFLAGS="--cfg shuttle" cargo test --locked --lib --target-dir target/shuttle shuttle_

scaling: ## Count shared cache lines on simulated machines of 1 to 256 CPUs: docs/scaling.md
	RUSTFLAGS="--cfg simulate" cargo test --locked --release --lib --target-dir target/simulate simulate -- --include-ignored --nocapture --test-threads=1

valgrind: deps-test all ## Run the C tests under memcheck
	tests/valgrind.sh $(BUILD)

sanitize: deps-test ## Run the Rust and C tests under ThreadSanitizer and AddressSanitizer
	tests/sanitize.sh

soak: deps-test all ## Run a mixed load with faults for SOAK seconds (3600)
	$(BUILD)/tests/tp_test_c_soak --seconds $(SOAK)

soak-short: deps-test all ## The same for a minute
	$(BUILD)/tests/tp_test_c_soak --seconds 60

mutants: deps-test ## Break one line at a time, and see that a test fails for each
	tests/mutants.py

coverage: deps-test ## Tell which lines no test reaches
	tests/coverage.sh

cross: deps-build ## Run the C tests on an emulated 64-bit Arm processor
	tests/cross.sh

reproducible: deps-build ## Build twice, and compare the bytes
	tests/reproducible.sh

faults: deps-test all ## Make every failure happen in each function, and count them: docs/reliability.md
	TP_TEST_SCALE=full $(BUILD)/tests/tp_test_c_faults

fuzz-short: deps-fuzz ## Fuzz the C functions against a model for a minute
	tests/fuzz.sh 60

fuzz: deps-fuzz ## The same for FUZZ_SECONDS (3600), and keep what is found in target/fuzz
	tests/fuzz.sh $(FUZZ_SECONDS)

stress: deps-test all ## Run the tests at full size, ROUNDS times (20)
	TP_TEST_SCALE=full ctest --test-dir $(BUILD) --output-on-failure --repeat until-fail:$(ROUNDS)
	for round in $$(seq $(ROUNDS)); do TP_TEST_SCALE=full cargo test --locked --release --quiet || exit 1; done

bench: bench-programs ## Compare tp with other thread pools; takes a while
	bench/run.py $(BUILD)/bench

bench-quick: bench-programs ## The same, smaller, in under two minutes
	bench/run.py --quick $(BUILD)/bench

bench-programs: deps-bench
	cmake -B $(BUILD) -DTP_BUILD_BENCH=ON
	cmake --build $(BUILD) --target bench_programs $(JOBS)

counts: deps-counts all ## Count instructions, locked ones and system calls a task, into bench/counts.csv
	bench/counts/run $(BUILD) bench/counts.csv

counts-diff: deps-counts all ## The same, only to show what differs from bench/counts.csv
	bench/counts/run $(BUILD) $(BUILD)/counts.csv || echo "Nothing was counted; that is no failure."

install: ## Install what is built, below PREFIX (/usr/local), inside DESTDIR
	@test -e $(BUILD)/lib/libtp.a || $(MAKE) all
	cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## Remove all that was built
	rm -rf $(BUILD) demo target

help: ## Show this
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

deps-build:
	@cmake/deps.sh cmake cc
deps-demo:
	@cmake/deps.sh cmake cc zlib openssl pkg-config pigz
deps-test: deps-demo
	@cmake/deps.sh c++ clang clang++ clang-rt cmocka valgrind python3 git
deps-bench: deps-build
	@cmake/deps.sh c++ clang-19 libomp pkg-config tbb glib pthreadpool python3
deps-fuzz: deps-build
	@cmake/deps.sh c++
deps-counts: deps-build
	@cmake/deps.sh python3
