# certctl: build, test, try out, install. `make` alone lists the targets.

SWIFT   ?= swift
PREFIX  ?= /usr/local
DESTDIR ?=

# A plain build accepts an import of a target that is not declared as a dependency: every build and
# every test run refuses it. The flag changes no output, so nothing is built twice because of it.
STRICT := --explicit-target-dependency-import-check error

# What ships: the Swift runtime inside, no RUNPATH, symbols resolved at start, stripped, no symbols for
# others (18,000 of them, 1.7 MB), and all built for size: certctl waits for networks and disks. Each
# function is in a section of its own, so that the linker leaves out what nobody calls and keeps those
# with the same code once (0.9 MB).
RELEASE := -c release --product certctl --static-swift-stdlib --disable-local-rpath \
	-Xlinker -z -Xlinker now -Xlinker -s -Xlinker --icf=all -Xlinker --no-export-dynamic \
	-Xlinker --exclude-libs=ALL -Xswiftc -Osize -Xswiftc -Xfrontend -Xswiftc -function-sections

# Tests in which certificates live for seconds, or a name server is late by some.
TIMED := LiveTests.(DNSTests|SystemdBootTests)

# Everything that `make install` copies.
STAGE := .build/stage

.DEFAULT_GOAL := help
.PHONY: help deps-build deps-demo deps-test build check-release debug demo test check-toys lint hooks install uninstall clean

help: ## list the targets
	@echo "usage: make TARGET [PREFIX=$(PREFIX)] [DESTDIR=]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '%-17s %s\n' "$$name" "$$text"; done

deps-build deps-demo deps-test:
	@scripts/install-deps $(subst deps-,,$@)

build: deps-build ## the release binary, its man pages and its completions, in .build/stage
	$(SWIFT) build $(RELEASE) $(STRICT)
	@SWIFT="$(SWIFT)" scripts/stage "$(STAGE)"

check-release: deps-test build ## the release binary's size, needs at run time, and cost of a start
	@scripts/check-release "$(STAGE)/bin/certctl"

debug: deps-build ## the debug binary
	$(SWIFT) build --product certctl $(STRICT)

demo: deps-demo ## a certificate from a test CA, served by nginx, on loopback; one command
	@SWIFT="$(SWIFT)" SWIFT_FLAGS="$(STRICT)" scripts/demo

# Four runs: the unit tests; the live tests, whose servers keep the processor busy; those of them in which
# time passes for servers; and the crash tests, which start certctl some thousand times. Beside each other
# they would run into their time limits.
# Where all is well, Swift Testing's closing line is the last.
test: deps-test lint ## installs what is missing, checks, builds, and runs every test
	@rm -rf .build/attachments && mkdir -p .build/attachments
	@SWIFT="$(SWIFT)" scripts/check-acme-product
	$(SWIFT) build --build-tests $(STRICT)
	@SWIFT="$(SWIFT)" scripts/run-tests --skip LiveTests
	@SWIFT="$(SWIFT)" scripts/run-tests --filter LiveTests --skip LiveTests.Crash --skip "$(TIMED)"
	@SWIFT="$(SWIFT)" scripts/run-tests --filter "$(TIMED)"
	@SWIFT="$(SWIFT)" scripts/check-toys
	@SWIFT="$(SWIFT)" scripts/run-tests --filter LiveTests.Crash

check-toys: ## adds toys as CONTRIBUTING says, builds and uses them, and takes them away again
	@SWIFT="$(SWIFT)" scripts/check-toys

lint: ## format, imports, the graph of targets and folders, shell scripts
	@SWIFT="$(SWIFT)" scripts/lint

hooks: ## lets git check the messages of your commits
	@scripts/commit-msg --install

# Not a prerequisite of `build` when all is staged: `sudo make install` needs no Swift and leaves no
# files of root in .build.
install: ## installs to $(DESTDIR)$(PREFIX); builds first if nothing is built
	@test -x "$(STAGE)/bin/certctl" || $(MAKE) --no-print-directory build
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install "$(STAGE)"

uninstall: ## removes what `install` put there
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install --remove "$(STAGE)"

clean: ## removes everything that was built
	$(SWIFT) package clean
	rm -rf $(STAGE) .build/attachments
