# Everything a person or CI does with this project. `make` alone lists the targets.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 0
# Version control is asked below, once: in a checkout of another user it would stop a build.
export GOFLAGS := $(strip $(filter-out -buildvcs=%,$(GOFLAGS)) -buildvcs=false)

VERSION   := $(patsubst v%,%,$(shell git describe --tags --dirty 2>/dev/null || echo 0.1.0-dev))
# What agents take updates by: the first root.json and the address of the repository.
# Without a root a build takes none.
RELEASE_ROOT ?=
RELEASE_URL  ?=
LDFLAGS   := -s -w -X rollbridge/shared/version.Version=$(VERSION)
ifneq ($(RELEASE_ROOT),)
LDFLAGS   += -X rollbridge/shared/release.builtIn=$(or $(shell base64 <"$(RELEASE_ROOT)" | tr -d '\n'),$(error RELEASE_ROOT=$(RELEASE_ROOT) cannot be read))
endif
ifneq ($(RELEASE_URL),)
LDFLAGS   += -X rollbridge/shared/release.address=$(RELEASE_URL)
endif
# What is handed out is built by this Go and no other: the go command fetches it where it
# is not the one at hand. The times in packages are the commit's.
TOOLCHAIN := go1.26.8
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1767225600)
EXE       := $(shell go env GOEXE)
DIST      ?= dist
PACKAGES  := $(DIST)/packages
PLATFORMS := linux-amd64 linux-arm64 windows-amd64 windows-arm64
CI_CODE   := ./.ci/lint ./.ci/skips
TOOL      := go tool -modfile=.ci/tools.mod
CHECKS    := all,-ST1020,-ST1021,-ST1022,-QF1001,-QF1008

ASSETS     := collector/portal/web/assets
STYLESHEET := $(ASSETS)/dist/govuk.css
BROWSER    := e2e/browser
AXE        := $(BROWSER)/node_modules/axe-core/axe.min.js
SHOTS      ?= dist/screenshots
FUZZTIME   ?= 60s
DEMO_ARGS  ?=
BENCH_ARGS ?=
TEST_ARGS  ?=

.PHONY: help demo test test-windows build packages packages-programs packages-linux packages-windows lint fuzz bench style style-if-npm axe axe-if-npm screenshots bin missing clean $(PLATFORMS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Not by `go run`, which makes an error of a Ctrl-C.
demo: style-if-npm bin ## show the way of a record with real programs (DEMO_ARGS=--once: check it and end)
	@go build -o bin/demo$(EXE) ./e2e/demo && exec bin/demo$(EXE) $(DEMO_ARGS)

test: missing style-if-npm axe-if-npm ## run all tests (CI=true: a skipped test is a failure)
	@go test -json -timeout 60m $(TEST_ARGS) ./... $(CI_CODE) | go run ./.ci/skips $(if $(filter true 1,$(CI)),-strict)

test-windows: ## run the Windows build and its service under Wine (Debian, as root: installs it)
	@.ci/wine
	@go test -json -tags wine -timeout 25m -count=1 $(TEST_ARGS) ./e2e/wine | go run ./.ci/skips -strict

build: style-if-npm $(PLATFORMS) ## build both programs for every platform into dist/

$(PLATFORMS):
	@mkdir -p $(DIST)/$@
	@export GOTOOLCHAIN=$(TOOLCHAIN) GOOS=$(word 1,$(subst -, ,$@)) GOARCH=$(word 2,$(subst -, ,$@)); \
	suffix=$(if $(findstring windows,$@),.exe); \
	go build -trimpath -ldflags "$(LDFLAGS)" -o $(DIST)/$@/rollbridge-agent$$suffix ./agent; \
	go build -trimpath -ldflags "$(LDFLAGS)" -o $(DIST)/$@/rollbridge-collector$$suffix ./collector; \
	echo "$(DIST)/$@ $(VERSION)"

# RELEASE_ROOT=FILE RELEASE_URL=ADDRESS: agents that update themselves (docs/releases.md).
packages: packages-linux packages-windows packages-programs ## make what is handed out, with its checksums, in dist/packages/
	@go run ./installer/pack sums $(PACKAGES)
	@echo "$(PACKAGES) $(VERSION)"

# Signing, if there is any, is done before packages-programs takes the programs.
packages-windows: style-if-npm $(filter windows-%,$(PLATFORMS)) packages-empty
	@.ci/wine packages
	@for platform in $(filter windows-%,$(PLATFORMS)); do \
		GOTOOLCHAIN=$(TOOLCHAIN) go run ./installer/windows -version "$(VERSION)" -arch $${platform#windows-} -programs $(DIST)/$$platform -out $(PACKAGES); \
	done

packages-linux: style-if-npm $(filter linux-%,$(PLATFORMS)) packages-empty
	@DIST="$(DIST)" VERSION="$(VERSION)" installer/linux/build $(filter linux-%,$(PLATFORMS))

# The programs as agents fetch them, in the repository's own layout, what they say of
# themselves, and what each program is made of.
packages-programs: packages-windows packages-linux
	@DIST="$(DIST)" VERSION="$(VERSION)" LDFLAGS="$(LDFLAGS)" GOTOOLCHAIN=$(TOOLCHAIN) installer/pack/programs $(PLATFORMS)

.PHONY: packages-empty
packages-empty:
	@rm -rf $(PACKAGES) && mkdir -p $(PACKAGES)

bin:
	@mkdir -p bin
	@go build -trimpath -ldflags "$(LDFLAGS)" -o bin/rollbridge-agent$(EXE) ./agent
	@go build -trimpath -ldflags "$(LDFLAGS)" -o bin/rollbridge-collector$(EXE) ./collector

lint: ## check format, layers, comments and likely mistakes, for linux and windows
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "Not formatted; run gofmt -w on: $$unformatted"; exit 1; fi
	@go run ./.ci/lint
	@go vet ./... $(CI_CODE)
	@go vet -tags testclock ./...
	@go vet -tags wine ./e2e/wine
	@GOOS=windows go vet ./...
	@GOOS=windows go build -o /dev/null ./agent
	@GOOS=windows go build -o /dev/null ./collector
	@$(TOOL) staticcheck -checks '$(CHECKS)' ./... $(CI_CODE)

fuzz: ## run every fuzz target for FUZZTIME (60s) each
	@found=0; \
	for dir in $$(git ls-files -co --exclude-standard '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do \
		targets=$$(go test -list '^Fuzz' "./$$dir" | sed -n '/^Fuzz/p'); \
		for target in $$targets; do \
			found=$$((found + 1)); \
			echo "--- $$dir $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "./$$dir"; \
		done; \
	done; \
	echo "$$found fuzz targets ran for $(FUZZTIME) each without a finding"; [ $$found -gt 0 ]

bench: ## measure against bare servers and parsers, as ratios of one run (BENCH_ARGS)
	@go run ./e2e/bench $(BENCH_ARGS)

style: $(STYLESHEET) ## build the portal's stylesheet and script (needs npm)
	@:

$(STYLESHEET): $(ASSETS)/package.json $(ASSETS)/package-lock.json $(ASSETS)/build.mjs $(ASSETS)/govuk-frontend.LICENSE
	@cd $(ASSETS) && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@echo "$@ built"

# The programs are whole without the stylesheet, so a machine without npm or without a
# way to its registry can still do everything else.
style-if-npm:
	@if ! command -v npm >/dev/null; then echo "npm is not installed: the pages will be unstyled."; \
	elif ! $(MAKE) --no-print-directory style; then echo "The stylesheet could not be built: the pages will be unstyled."; fi

axe: $(AXE) ## fetch what checks the pages' accessibility in tests (needs npm)
	@:

$(AXE): $(BROWSER)/package.json $(BROWSER)/package-lock.json
	@cd $(BROWSER) && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/axe-core/axe.min.js
	@echo "$@ fetched"

# Tests of pages in a browser fail without it, and say so.
axe-if-npm:
	@if ! command -v npm >/dev/null; then echo "npm is not installed: tests of the pages in a browser fail."; \
	elif ! $(MAKE) --no-print-directory axe; then echo "axe-core could not be fetched: tests of the pages in a browser fail."; fi

screenshots: style axe ## take a picture of each page of the portal, wide, narrow and printed (SHOTS=directory)
	@mkdir -p "$(SHOTS)"
	@SCREENSHOTS="$(abspath $(SHOTS))" go test -count=1 -timeout 60m -run '^TestPortalPages$$' ./e2e
	@echo "$(SHOTS)"

missing:
	@absent=; for program in npm chromium strace postgres systemd-analyze rpm dpkg; do \
		command -v $$program >/dev/null || ls /usr/lib/postgresql/*/bin/$$program >/dev/null 2>&1 || absent="$$absent $$program"; \
	done; \
	if [ -n "$$absent" ]; then echo "Missing on this machine:$$absent; tests that need them fail (Debian: apt-get install chromium npm postgresql rpm strace systemd)."; fi

clean: ## remove what the other targets made
	@rm -rf bin dist $(STYLESHEET) $(ASSETS)/dist/govuk.js $(ASSETS)/node_modules $(BROWSER)/node_modules
