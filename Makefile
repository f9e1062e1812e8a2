# `make` alone prints this list.
SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X b2bua/core/config.Version=$(VERSION)
TAGS ?=
FUZZTIME ?= 30s
INTEROP_SECONDS ?= 60
SHARED ?= ../shared
GOLANGCI_VERSION := v2.15.0

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: bin/b2bua bin/sipsim ## both programs into bin/

bin/b2bua bin/sipsim: FORCE
	CGO_ENABLED=0 $(GO) build -trimpath -tags timetzdata -ldflags '$(LDFLAGS)' -o $@ ./cmd/$(@F)
.PHONY: FORCE
FORCE:

.PHONY: images
images: build ## images of b2bua and sipsim, and of the MariaDB and Redis beside them, without a registry (Docker engine, mmdebstrap)
	docker/images programs
	docker/images stores

.PHONY: demo
demo: build ## a call from SDES to plain RTP and back through b2bua, shown live
	bin/sipsim demo --b2bua bin/b2bua

.PHONY: check
check: ## the quick one: format, vet, unit tests, scenarios (a few minutes)
	@test -z "$$(gofmt -l core media simulator steps cmd)" || { gofmt -l core media simulator steps cmd; echo 'not gofmt-ed: run gofmt -w on them'; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags interop,shared ./media/zrtp/...
	$(GO) vet -tags stores ./core/account/...
	$(GO) test $$($(GO) list ./... | grep -v /steps/peers)

.PHONY: check-shared
check-shared: ## ZRTP against the vectors of other implementations, read where they lie (SHARED=../shared)
	B2BUA_ZRTP_LIBRARY_VECTORS='$(abspath $(SHARED))/spec/zrtp-library-vectors.json' $(GO) test -tags shared -count=1 -run '^TestShared' ./media/zrtp/alg ./media/zrtp/wire ./media/srtp

.PHONY: race
race: ## unit tests and scenarios under the race detector
	$(GO) test -race $$($(GO) list ./... | grep -v /steps/peers)

.PHONY: zrtp-seeds
zrtp-seeds: ## two ZRTP ends on 10000 seeded networks with loss, repetition, reordering and outages (about 10 s)
	B2BUA_ZRTP_SEEDS=10000 $(GO) test ./media/zrtp -run TestNetworks -count=1 -v

.PHONY: test
test: ## everything the repository promises, on a fresh machine (installs what is missing)
	.ci/test

.PHONY: features
features: ## the scenarios; TAGS='@S-CALL-3,@media' chooses some (, or; && and; ~ not)
	$(GO) test ./steps -run TestFeatures -count=1 -v -args -godog.tags='$(TAGS)'

.PHONY: interop
interop: ## real third-party peers: linphone, baresip, chromium, openssl, libsrtp2, libbzrtp, sipp (INTEROP_SECONDS=60 of sipp); a table at the end
	@bash .ci/setup
	INTEROP_SECONDS=$(INTEROP_SECONDS) bash .ci/interop

.PHONY: stores
stores: ## accounts in SQLite and MariaDB, changes by Redis: in containers where a Docker engine runs, else as child processes (B2BUA_STORES=docker|local)
	$(GO) test -tags stores -count=1 ./core/account/...
	cd steps && $(GO) test -count=1 -run TestFeatures -args -godog.tags=@stores

.PHONY: bench
bench: bench-calls bench-media bench-micro bench-handshakes bench-zrtp bench-accounts ## all figures but those of bench-capacity

.PHONY: bench-calls
bench-calls: build ## calls per second on one core, CPU per call
	bench/calls.sh

.PHONY: bench-media
bench-media: build ## CPU per packet, loss, added latency, memory: b2bua against rtpengine (rtpengine-daemon)
	bench/media.sh

.PHONY: bench-capacity
bench-capacity: build ## most calls on one core below 0.1 % loss and 20 ms of p99: b2bua against rtpengine (about 20 minutes)
	bench/capacity.sh

.PHONY: bench-handshakes
bench-handshakes: build ## a burst of 1000 DTLS handshakes while 500 calls are running, on one core
	bench/handshakes.sh

.PHONY: bench-zrtp
bench-zrtp: build ## ZRTP handshakes per second and core, and a burst of 200 while 500 calls are running
	bench/zrtp.sh

.PHONY: bench-accounts
bench-accounts: build ## 10 000 and 100 000 accounts at a registrar, 1 000 000 in a database: time, CPU, memory, refreshes, recovery, lookups, changes
	bench/accounts.sh

.PHONY: bench-micro
bench-micro: ## Go benchmarks of the packet path, the parsers and the call engine
	$(GO) test -run '^$$' -bench . -benchmem ./media/... ./core/...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (default 30s) each
	.ci/fuzz $(FUZZTIME)

# The scenarios (steps) are for Linux.
.PHONY: cross
cross: ## build for the other systems: FreeBSD, OpenBSD, macOS, Windows, and Linux on arm64
	@for target in freebsd/amd64 openbsd/amd64 darwin/arm64 windows/amd64 linux/arm64; do \
	  echo "building for $$target"; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build ./core/... ./media/... ./simulator/... ./cmd/... || exit 1; \
	done

.PHONY: lint
lint: ## golangci-lint with the project's rules (directions of import, no clock in engines, …)
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION) run ./...

.PHONY: clean
clean: ## remove what the targets made
	rm -rf bin .world
