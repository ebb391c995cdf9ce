# certctl: build, test, try out, install. `make` alone lists the targets.

SWIFT   ?= swift
PREFIX  ?= /usr/local
DESTDIR ?=

# Refuses imports of targets that are not declared as dependencies. A plain build accepts them.
# The flag does not change the output, so nothing is built twice because of it.
STRICT := --explicit-target-dependency-import-check error

# The release binary: includes the Swift runtime, no RUNPATH, symbols resolved at start, stripped, no
# exported symbols (18,000 of them, 1.7 MB), optimized for size, because certctl mostly waits for
# networks and disks. Each function has its own section, so that the linker removes unused functions
# and merges identical ones (0.9 MB).
RELEASE := -c release --product certctl --static-swift-stdlib --disable-local-rpath \
	-Xlinker -z -Xlinker now -Xlinker -s -Xlinker --icf=all -Xlinker --no-export-dynamic \
	-Xlinker --exclude-libs=ALL -Xswiftc -Osize -Xswiftc -Xfrontend -Xswiftc -function-sections

# Tests in which certificates expire after seconds, or a name server is some seconds late.
TIMED := LiveTests.(DNSTests|SystemdBootTests)

# The files that `make install` copies.
STAGE := .build/stage

.DEFAULT_GOAL := help
.PHONY: help deps-build deps-demo deps-test build check-release debug demo test snapshots check-toys lint hooks install uninstall clean

help: ## lists the targets
	@echo "usage: make TARGET [PREFIX=$(PREFIX)] [DESTDIR=]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '%-17s %s\n' "$$name" "$$text"; done

deps-build deps-demo deps-test:
	@scripts/install-deps $(subst deps-,,$@)

build: deps-build ## builds the release binary, man pages and completions in .build/stage
	$(SWIFT) build $(RELEASE) $(STRICT)
	@scripts/stage "$(STAGE)"

check-release: deps-test build ## checks size, run-time dependencies and start-up cost of the release binary
	@scripts/check-release "$(STAGE)/bin/certctl"

debug: deps-build ## builds the debug binary
	$(SWIFT) build --product certctl $(STRICT)

demo: deps-demo ## shows certctl with a test CA and nginx on this machine
	@SWIFT="$(SWIFT)" SWIFT_FLAGS="$(STRICT)" scripts/demo

# Four runs: the unit tests, the live tests, the live tests that depend on time, and the crash tests,
# which start certctl some thousand times. If they ran concurrently, they would exceed their time limits.
# If all tests pass, the last line is Swift Testing's summary.
test: deps-test lint ## installs missing packages, lints, builds, and runs all tests
	@rm -rf .build/attachments && mkdir -p .build/attachments
	@SWIFT="$(SWIFT)" scripts/check-acme-product
	$(SWIFT) build --build-tests $(STRICT)
	@SWIFT="$(SWIFT)" scripts/run-tests --skip LiveTests
	@SWIFT="$(SWIFT)" scripts/run-tests --filter LiveTests --skip LiveTests.Crash --skip "$(TIMED)"
	@SWIFT="$(SWIFT)" scripts/run-tests --filter "$(TIMED)"
	@SWIFT="$(SWIFT)" scripts/check-toys
	@SWIFT="$(SWIFT)" scripts/run-tests --filter LiveTests.Crash

# Every suite that pins a text has it in Fixtures or Documentation.
snapshots: deps-test ## renews the pinned texts: help, errors, man pages, screens, generated files
	@scripts/texts --update
	@CERTCTL_UPDATE_FIXTURES=1 SWIFT="$(SWIFT)" scripts/run-tests --filter "$$(grep -rl 'expectSnapshot(' \
		Tests --include='*Tests.swift' | xargs -n 1 basename -s .swift | paste -sd '|')"

check-toys: ## adds the example extensions of Fixtures/toys, builds and uses them, and removes them
	@SWIFT="$(SWIFT)" scripts/check-toys

lint: ## checks format, imports, the dependency graph and shell scripts
	@SWIFT="$(SWIFT)" scripts/lint

hooks: ## installs a git hook that checks commit messages
	@scripts/commit-msg --install

# Builds only if nothing is staged. `sudo make install` after `make build` thus needs no Swift and
# creates no files that belong to root in .build.
install: ## installs to $(DESTDIR)$(PREFIX), builds first if necessary
	@test -x "$(STAGE)/bin/certctl" || $(MAKE) --no-print-directory build
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install "$(STAGE)"

uninstall: ## removes the installed files
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install --remove "$(STAGE)"

clean: ## removes all build results
	$(SWIFT) package clean
	rm -rf $(STAGE) .build/attachments
