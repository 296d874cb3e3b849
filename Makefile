# flitmig: PGXS build. A room under src/ holds its C and its SQL; the SQL is joined into the install script.
EXTENSION = flitmig
EXTVERSION = 0.1
MODULE_big = flitmig

C_SOURCES = $(sort $(wildcard src/*.c src/*/*.c))
CXX_SOURCES = $(sort $(wildcard src/*/*.cc))
OBJS = $(C_SOURCES:.c=.o) $(CXX_SOURCES:.cc=.o)

# Order matters only between rooms: tables first, grants last.
SQL_PARTS = src/catalog/catalog.sql \
	$(sort $(wildcard src/twenty/*.sql)) \
	$(sort $(wildcard src/source/*.sql)) \
	$(sort $(wildcard src/mapping/*.sql)) \
	$(sort $(wildcard src/engine/*.sql)) \
	$(sort $(wildcard src/report/*.sql)) \
	$(sort $(filter-out src/catalog/catalog.sql,$(wildcard src/catalog/*.sql)))
PROFILES = $(sort $(wildcard src/mapping/profiles/*.json))
SCRIPT = flitmig--$(EXTVERSION).sql

DATA_built = $(SCRIPT)
EXTRA_CLEAN = $(SCRIPT) $(OBJS:.o=.bc)

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --inputdir=. --outputdir=. --load-extension=flitmig --encoding=UTF8

PG_CPPFLAGS = -Isrc $(shell pkg-config --cflags libcurl libarchive uchardet libxml-2.0)
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement
PG_CXXFLAGS = -std=c++17 -fPIC -Wall -Wextra -Wno-unused-parameter -Wno-register
SHLIB_LINK = $(shell pkg-config --libs libcurl libarchive uchardet libxml-2.0) -lphonenumber -lstdc++

PG_CONFIG ?= pg_config

ifneq ($(filter check check-% format lint fuzz bench bench-% reference dist,$(MAKECMDGOALS)),)
# For those who work on flitmig. Without PGXS: it has a "check" of its own, and these install it where it is missing.

SHELL_SOURCES = demo.sh check.sh .ci/run $(wildcard scripts/*.sh test/*/*.sh test/*/*.bash src/*/*.sh)

FORMATTED = $(C_SOURCES) $(CXX_SOURCES) $(wildcard src/*.h src/*/*.h)

# Versions lay out differently, so one is named: Debian 12's.
CLANG_FORMAT = clang-format-14

.PHONY: format
format:
	@command -v $(CLANG_FORMAT) >/dev/null || bash scripts/need.sh $(CLANG_FORMAT)
	$(CLANG_FORMAT) -i $(FORMATTED)

# Does make format change nothing?
.PHONY: check-format
check-format:
	@command -v $(CLANG_FORMAT) >/dev/null || bash scripts/need.sh $(CLANG_FORMAT)
	$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

.PHONY: lint
lint: check-format
	@bash scripts/need.sh cppcheck shellcheck nodejs
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem -DPG_VERSION_NUM=150000 -D'ereport(...)=abort()' -D'elog(...)=abort()' \
		-D'PG_RETURN_ARRAYTYPE_P(x)=return (x)' -Isrc $(C_SOURCES)
	shellcheck -x $(SHELL_SOURCES)
	@for file in $(wildcard test/twenty/*.js test/lossless/*.js test/clinic/*.js test/clinic/lib/*.js test/bench/*.js); do node --check $$file || exit 1; done
	@node -e 'const m = JSON.parse(fs.readFileSync("META.json")); if (m.version !== "$(EXTVERSION).0" || m.provides.flitmig.version !== m.version || !fs.existsSync(m.provides.flitmig.file)) throw "META.json";'

# Everything that tests, in a workshop of its own.
.PHONY: check
check:
	./check.sh

# The same, with two hundred random kills, every fault at every phase and every blow at every point of a batch's life:
# half an hour on two cores of its own.
.PHONY: check-long
check-long:
	FLITMIG_LONG=1 FLITMIG_KILLS=200 TEST_TIMEOUT=7200 ./check.sh

# The regression and pgTAP tests with flitmig built for the undefined-behaviour sanitizer, or with the server under valgrind
# (half an hour and more; TESTS="import values" names regression tests).
.PHONY: check-sanitize check-valgrind
check-sanitize:
	@PG_CONFIG='$(PG_CONFIG)' TESTS='$(TESTS)' bash test/sanitize/check-sanitize.sh undefined
check-valgrind:
	@PG_CONFIG='$(PG_CONFIG)' TESTS='$(TESTS)' bash test/sanitize/check-sanitize.sh valgrind

# libFuzzer on the readers, FUZZ_SECONDS each. FUZZ_SECONDS=600 before a release.
.PHONY: fuzz
fuzz:
	@PG_CONFIG='$(PG_CONFIG)' bash scripts/need.sh --build clang libclang-rt-dev
	$(MAKE) -C test/fuzz run PG_CONFIG='$(PG_CONFIG)' FUZZ_SECONDS='$(or $(FUZZ_SECONDS),20)'

# The Debian package, built and installed in fresh chroots of SUITE (bookworm): as root, ten minutes.
.PHONY: check-package
check-package:
	@SUITE='$(SUITE)' MIRROR='$(MIRROR)' bash test/package/check-package.sh

# The archive that PGXN takes, of the last commit. Its META.json must name the version that is built.
DISTVERSION = $(EXTVERSION).0
.PHONY: dist
dist:
	@grep -q '"version": "$(DISTVERSION)"' META.json && grep -q "default_version = '$(EXTVERSION)'" flitmig.control || \
		{ echo "META.json, flitmig.control and the Makefile name different versions"; exit 1; }
	git archive --format=zip --prefix=flitmig-$(DISTVERSION)/ --output=flitmig-$(DISTVERSION).zip HEAD

# The report of a migration in headless Chromium, with pictures of it in OUT=.
.PHONY: check-report
check-report:
	@OUT='$(OUT)' PG_CONFIG='$(filter-out pg_config,$(PG_CONFIG))' bash test/report/check-report.sh

# The path, a delta and a rollback against a Twenty that you offer for it: TWENTY_URL=... TWENTY_KEY=... [FOREIGN=yes]
.PHONY: check-live
check-live:
	@TWENTY_URL='$(TWENTY_URL)' TWENTY_KEY='$(TWENTY_KEY)' FOREIGN='$(FOREIGN)' ./check.sh --live

else

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS knows .cpp only; the JIT wants bitcode of every object.
%.bc: %.cc
	$(COMPILE.cxx.bc) -o $@ $<

$(SCRIPT): $(SQL_PARTS) $(PROFILES) src/mapping/embed-profiles.sh Makefile
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION flitmig" to load this file. \quit'; \
	   cat $(SQL_PARTS); sh src/mapping/embed-profiles.sh $(PROFILES); } > $@

# Every object depends on every header: the rooms are small and a stale door is worse than a rebuild.
$(OBJS): $(wildcard src/*.h src/*/*.h)

endif

# The README's reference, from the comments: needs a PostgreSQL that psql reaches (PGHOST, PGUSER …), with the extension installed.
.PHONY: reference
reference:
	@bash scripts/reference.sh

# Each benchmark is one script in test/bench; make bench-NAME takes ROWS= or SHORT=1.
BENCHMARKS = $(patsubst test/bench/%.sh,bench-%,$(wildcard test/bench/*.sh))
.PHONY: bench $(BENCHMARKS)
bench: $(filter-out bench-import-memory,$(BENCHMARKS))
$(BENCHMARKS): bench-%: test/bench/%.sh
	@PG_CONFIG='$(PG_CONFIG)' ROWS='$(ROWS)' SHORT='$(SHORT)' bash $<
