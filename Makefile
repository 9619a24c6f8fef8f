# SPDX-License-Identifier: Apache-2.0
# Daero. `make run` and `make test` set a fresh Debian 12 machine up by themselves; `make help` lists
# the rest. New source files are found by their place; nothing has to be added here.

MODE     ?= release
OUT      := build/$(MODE)
CC       := $(if $(filter fuzz,$(MODE)),clang,gcc)
PKGS     := libmicrohttpd jansson yaml-0.1 sqlite3 libsodium libcrypto smartcols ncursesw libseccomp libcurl zlib
ROOMS    := base core federation scenario store engine serve sim plan rehearsal cli
SHELL    := /bin/bash
# Say which file, not how; V=1 shows the commands.
Q        := $(if $(V),,@)
say       = $(if $(V),@:,@printf '%-5s %s\n' $(1) $@)
NPROC    := $(shell nproc)

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes -Wvla
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fPIE -fno-strict-aliasing \
            -fno-delete-null-pointer-checks
CFLAGS_release := -O2 -g $(HARDEN) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS_check   := $(CFLAGS_release) -Werror
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_release := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack
LDFLAGS_check   := $(LDFLAGS_release)
LDFLAGS_fuzz    := -fsanitize=fuzzer,address,undefined
LDFLAGS_asan    := -fsanitize=address,undefined
CFLAGS   := -std=gnu17 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS_$(MODE)) -Isrc -Itests -I$(OUT)/gen
LDFLAGS  := -Wl,--as-needed $(LDFLAGS_$(MODE))
LIBS      = $(shell pkg-config --libs $(PKGS)) -ldl -lpthread -lm
CORE_CFLAGS := -ffp-contract=off

# The pages of `daero sim report` and `daero plan report`: made by node from web/report and npm's packages (build/npm), kept in the program.
PAGES    := build/gen/report.html build/gen/plan.html
PAGE_SRC := $(wildcard web/report/src/*.* web/report/src/plan/* web/report/*.html web/report/*.mjs)

SOURCES  := $(filter-out src/cli/main.c,$(foreach room,$(ROOMS),$(wildcard src/$(room)/*.c))) \
            $(filter-out src/plan/solver/%,$(wildcard src/plan/*/*.c))
OBJECTS  := $(SOURCES:%.c=$(OUT)/%.o)
SHIM_SRC := $(wildcard src/engine/shim/*.c)
SOLVER_SRC := $(wildcard src/plan/solver/*.c)
SHIM_OBJ := $(SHIM_SRC:%.c=$(OUT)/%.o)
LIB      := $(OUT)/libdaero.a

# Each file under these folders is one test program (TAP on standard output).
TEST_SRC  := $(wildcard tests/unit/*.c tests/property/*.c tests/simulation/*.c tests/engine/*.c)
TEST_BIN  := $(TEST_SRC:tests/%.c=$(OUT)/tests/%)
# Shared by tests: tests/*.c
TEST_HELP := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/*.c))
FUZZ_SRC  := $(wildcard tests/fuzz/*.c)
FUZZ_NAME := $(patsubst tests/fuzz/%.c,%,$(FUZZ_SRC))
REPLAY    := $(FUZZ_NAME:%=$(OUT)/fuzz/%-replay)
# bench/nation_*.c is shared by bench/nation and what else looks at a nation.
BENCH_HELP := $(patsubst %.c,$(OUT)/%.o,$(wildcard bench/nation_*.c))
BENCH_BIN := $(patsubst bench/%.c,$(OUT)/bench/%,$(filter-out bench/nation_%,$(wildcard bench/*.c)))

.PHONY: all build run run-federation test check soak asan sim faults fuzz bench bench-nation bench-sim bench-slurm bench-plan fmt help clean setup \
        tests
.SECONDARY:

all: setup
	@$(MAKE) --no-print-directory -j$(NPROC) build

# The programs themselves; needs the packages (`make setup`).
build: $(OUT)/daero $(OUT)/daero-shim $(OUT)/daero-solver
	@mkdir -p build && ln -sfn $(MODE)/daero build/daero

setup:
	@tools/setup

run: all
	@scenarios/day/run

# Two real Slurm clusters on loopback and this machine, in one federation; as root.
run-federation: all
	@tools/setup slurm
	@scenarios/federation/run

test:
	@tools/setup browser
	@tools/setup slurm || echo 'make: without Slurm, tests that need it are skipped'
	@$(MAKE) --no-print-directory -j$(NPROC) build tests build/npm/browser/done
	@tools/test-run

check: setup
	@$(MAKE) --no-print-directory -j$(NPROC) build tests
	@tools/test-run --quick

tests: $(TEST_BIN) $(REPLAY) $(BENCH_BIN)

soak: all
	@$(MAKE) --no-print-directory -j$(NPROC) tests
	@tools/soak

asan:
	@$(MAKE) --no-print-directory -j$(NPROC) MODE=asan build tests
	@MODE=asan tools/test-run --quick

bench: all
	@$(MAKE) --no-print-directory -j$(NPROC) tests
	@bench/run

# make bench-nation [N=100000] [SCENES="fill-a full"]
bench-nation: setup
	@$(MAKE) --no-print-directory -j$(NPROC) $(OUT)/bench/nation
	@$(if $(N),N=$(N)) $(OUT)/bench/nation $(SCENES)

# make bench-sim [PARTS="made memory"], with SWF=, GAVEL= and OPENB= for public traces
bench-sim: all
	@bench/sim $(PARTS)

# make bench-slurm [PARTS="latency idle"] [COUNT=200]: real Slurm clusters on loopback, as root
bench-slurm: all
	@tools/setup slurm || echo 'make: without Slurm there is nothing to measure'
	@$(MAKE) --no-print-directory -j$(NPROC) $(OUT)/bench/load
	@$(if $(COUNT),COUNT=$(COUNT)) bench/slurm $(PARTS)

# make bench-plan [PARTS="seeds korea"]
bench-plan: all
	@$(MAKE) --no-print-directory -j$(NPROC) $(addprefix $(OUT)/tests/,property/plan_search property/plan_tiny unit/plan_check)
	@bench/plan $(PARTS)

# make sim SEED=7: one seed of the live loop under faults
sim: setup
	@$(MAKE) --no-print-directory -j$(NPROC) $(OUT)/tests/simulation/live_loop
	@FIRST=$(SEED) SEEDS=1 $(OUT)/tests/simulation/live_loop

# make faults [FAULTS="q1-claim wake-room"] [WORLDS=300]: which test sees which deliberate fault of the core
faults: setup
	@$(MAKE) --no-print-directory -j$(NPROC) tests
	@OUT="$(OUT)" CC="$(CC)" CFLAGS="$(CFLAGS) $(CORE_CFLAGS)" LDFLAGS="$(LDFLAGS)" LIBS="$(LIBS)" tests/faults/run

# make fuzz TARGET=fact [SECONDS=60]
fuzz: setup
	@tools/fuzz $(TARGET) $(SECONDS)

fmt:
	@clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

help:
	@sed -n 's/^  *\(make [a-z]*\)/\1/p' README.md; grep -E '^[a-z-]+:' Makefile | cut -d: -f1 | sort | tr '\n' ' '; echo

$(OUT)/src/core/%.o: CFLAGS += $(CORE_CFLAGS)

# npm's packages of a folder, anew when its lock has changed.
build/npm/report/done: web/report/package-lock.json
build/npm/browser/done: tests/browser/package-lock.json
build/npm/%/done:
	$(call say,NPM)
	$(Q)tools/npm-packages $(<D) $(@D)

$(PAGES): $(PAGE_SRC) build/npm/report/done
	$(call say,PAGE)
	$(Q)node web/report/build.mjs $(basename $(@F)) $@

$(OUT)/src/sim/report_page.o: build/gen/report.html
$(OUT)/src/plan/report/report_page.o: build/gen/plan.html
%/report_page.o: CFLAGS += -Wa,-Ibuild/gen

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(OBJECTS)
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcs $@ $^

$(OUT)/daero: $(OUT)/src/cli/main.o $(LIB)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

$(OUT)/daero-shim: $(SHIM_OBJ) $(LIB)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(shell pkg-config --libs libseccomp) -o $@

$(OUT)/daero-solver: $(SOLVER_SRC:%.c=$(OUT)/%.o)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(shell pkg-config --libs cbc clp) -o $@

$(OUT)/tests/%: $(OUT)/tests/%.o $(TEST_HELP) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -lcmocka -o $@

$(OUT)/fuzz/%-replay: $(OUT)/tests/fuzz/%.o $(OUT)/tests/fuzz/replay/main.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

# A target under libFuzzer (MODE=fuzz); tools/fuzz runs it.
$(OUT)/fuzz/%-libfuzzer: $(OUT)/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

$(OUT)/bench/nation: $(OUT)/bench/nation.o $(BENCH_HELP) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ -lm -o $@

$(OUT)/bench/%: $(OUT)/bench/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

-include $(shell find build/$(MODE) -name '*.d' 2>/dev/null)
