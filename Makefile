# Kruise. `make help` lists what there is; every target works from a fresh clone with Go, make and git.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO          ?= go
LINT        := $(GO) tool -modfile=build/golangci-lint.mod golangci-lint
CONTROLLER_GEN := $(GO) tool -modfile=build/controller-gen.mod controller-gen
PLAYGROUND  := ./bin/playground
# The cluster that the tests start and stop. Two checkouts may run theirs at the same time.
CLUSTER     ?= kruise-test-$(shell pwd | cksum | cut -c1-6)
FUZZTIME    ?= 5m
IMAGE       ?= openkruise/kruise-manager:latest
ARCH        ?= $(shell $(GO) env GOARCH)
SOAK        ?= 30m

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use
.PHONY: demo
demo: $(PLAYGROUND) build ## See an in-place rollout beside a Deployment's, on a cluster of its own (or on KUBECONFIG=...)
	$(PLAYGROUND) demo --manager ./bin/kruise-manager --config ./config

.PHONY: demo-sidecar
demo-sidecar: $(PLAYGROUND) build ## See sidecars updated in place under applications that a client talks to, and then without Kruise
	$(PLAYGROUND) demo --sidecar --manager ./bin/kruise-manager --config ./config

.PHONY: demo-stop
demo-stop: $(PLAYGROUND) ## Stop the cluster of the demos
	$(PLAYGROUND) demo --stop

##@ Build
.PHONY: build
build: ## Build the manager into bin/
	@$(GO) build -trimpath -o bin/ ./cmd/...

.PHONY: $(PLAYGROUND)
$(PLAYGROUND):
	@cd playground && $(GO) build -trimpath -o ../bin/playground .

.PHONY: image
image: $(PLAYGROUND) ## Make the manager's image in bin/, without Docker or root (IMAGE=name:tag, ARCH=arm64, PUSH=registry.example.com)
	@CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build -trimpath -ldflags '-s -w' -o bin/linux-$(ARCH)/kruise-manager ./cmd/kruise-manager
	@$(PLAYGROUND) image --program bin/linux-$(ARCH)/kruise-manager --arch $(ARCH) --name $(IMAGE) \
	  --layout bin/kruise-manager-image --tarball bin/kruise-manager.tar $(if $(PUSH),--push $(PUSH))

.PHONY: helm
helm: ## Build the helm that the tests use into bin/
	@$(GO) build -modfile=build/helm.mod -o bin/helm helm.sh/helm/v4/cmd/helm

.PHONY: generate
generate: ## Generate deepcopy functions, CRDs, what the charts copy, the API reference
	$(CONTROLLER_GEN) object:headerFile=build/boilerplate.go.txt paths=./api/...
	$(CONTROLLER_GEN) crd:ignoreUnexportedFields=true,allowDangerousTypes=false paths=./api/... output:crd:dir=config/crd
	$(GO) run ./build/crds config/crd
	$(GO) run ./build/charts config charts
	$(GO) run ./build/apidocs config/crd docs/api

.PHONY: fmt
fmt: ## Format the code
	$(LINT) fmt ./...

##@ Test
.PHONY: test
test: ## Everything: generated code, lint, unit, real API server, fuzz, contract, real cluster, quick benchmark
	@build/stage "generated code is current" $(MAKE) verify
	@build/stage "lint" $(MAKE) lint
	@build/stage "unit, property and contract tests" $(MAKE) test-unit
	@build/stage "fuzz, 5s each" $(MAKE) fuzz FUZZTIME=5s
	@build/stage "tests on a real API server" $(MAKE) test-apiserver
	@build/stage "end-to-end tests on a real cluster" $(MAKE) test-e2e
	@build/stage "installation tests on a real cluster" $(MAKE) test-install
	@build/stage "quick benchmark with limits" $(MAKE) bench-quick

# The folders with generated files.
GENERATED := api config charts docs/api

.PHONY: verify
verify: ## Fail when generated code is not what generate makes
	@state() { git status --porcelain -- $(GENERATED) | cksum; git diff -- $(GENERATED) | cksum; }; \
	before=$$(state); $(MAKE) --no-print-directory generate >/dev/null; after=$$(state); \
	[ "$$before" = "$$after" ] || { git --no-pager diff --stat -- $(GENERATED); echo "generated code was not current: commit what 'make generate' wrote"; exit 1; }

.PHONY: lint
lint: ## Run golangci-lint over both modules
	$(LINT) run --allow-parallel-runners ./...
	cd playground && $(GO) tool -modfile=../build/golangci-lint.mod golangci-lint run --allow-parallel-runners --config ../.golangci.yml ./...

.PHONY: test-unit
test-unit: ## Unit, property and contract tests, with the race detector
	$(GO) test -race ./api/... ./build/... ./cmd/... ./config/... ./internal/... ./test/charts/... ./test/contract/... ./test/fixtures/...
	cd playground && $(GO) test -race ./...

.PHONY: test-apiserver
test-apiserver: $(PLAYGROUND) ## Tests on a real etcd and kube-apiserver
	KUBEBUILDER_ASSETS="$$($(PLAYGROUND) assets)" $(GO) test -race -tags apiserver -p 1 \
	  $$(grep -rl --include='*_test.go' '^//go:build apiserver' internal cmd test/apiserver | xargs -n1 dirname | sort -u | sed 's#^#./#')

.PHONY: test-e2e
test-e2e: $(PLAYGROUND) ## End-to-end and fault tests on a cluster of real nodes (hollow ones without root)
	@trap '$(PLAYGROUND) down --name $(CLUSTER)' EXIT; \
	$(PLAYGROUND) up --name $(CLUSTER) --nodes 3; eval "$$($(PLAYGROUND) env --name $(CLUSTER))"; \
	PLAYGROUND=$(abspath $(PLAYGROUND)) PLAYGROUND_NAME=$(CLUSTER) $(GO) test -v -tags e2e -count=1 -timeout 40m ./test/e2e/... $(E2EFLAGS)

.PHONY: test-install
test-install: $(PLAYGROUND) ## Install, upgrade and uninstall with Helm and with plain manifests, on a cluster of its own with real nodes
	@trap '$(PLAYGROUND) down --name $(CLUSTER)-install' EXIT; \
	$(PLAYGROUND) up --name $(CLUSTER)-install --nodes 2; eval "$$($(PLAYGROUND) env --name $(CLUSTER)-install)"; \
	PLAYGROUND=$(abspath $(PLAYGROUND)) $(GO) test -v -tags e2e -count=1 -timeout 20m ./test/install/...

.PHONY: soak
soak: ## The fault runs of test-e2e for a long time (SOAK=30m)
	$(MAKE) test-e2e E2EFLAGS='-run Fault -timeout 24h -soak $(SOAK)'

.PHONY: fuzz
fuzz: ## Fuzz the conversions for a long time (FUZZTIME=5m each)
	@for f in $$(grep -rl '^func Fuzz' --include='*_test.go' internal api); do \
	  for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$f); do \
	    echo "$$t in ./$$(dirname $$f)"; $(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "./$$(dirname $$f)"; done; done

##@ Measure
.PHONY: bench
bench: $(PLAYGROUND) ## The whole benchmark against a native Deployment and a bare client; writes docs/performance.md
	$(GO) run -tags scale ./test/scale/bench -full -out docs/performance.md

.PHONY: bench-quick
bench-quick: $(PLAYGROUND) ## 200 Pods, new Pods beside 100 SidecarSets; limits on requests and CPU per Pod
	$(GO) run -tags scale ./test/scale/bench -quick -enforce

.PHONY: clean
clean: ## Stop every cluster of the playground and remove bin/
	-[ -x $(PLAYGROUND) ] && $(PLAYGROUND) down --all
	rm -rf bin
