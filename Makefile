# Everything the project does is a target here; `make help` lists them.

SHELL := /usr/bin/env bash -o pipefail
.DEFAULT_GOAL := help

VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo v0.0.0-dev)
COMMIT      ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
# The commit's date, not the clock's: the same commit builds the same binary.
BUILD_DATE  ?= $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)
K8S_VERSION := $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2}' go.mod)
LDFLAGS     := $(shell VERSION='$(VERSION)' COMMIT='$(COMMIT)' BUILD_DATE='$(BUILD_DATE)' hack/ldflags.sh)

NODES     ?= $(if $(REAL),2,10)
REAL      ?=
YES       ?=
DIR       ?= .localcluster
# The tag that manifests/base and manifests/chart name.
TAG       := $(shell awk '$$1 == "appVersion:" {print $$2}' manifests/chart/Chart.yaml)
IMAGE     ?= foresight-scheduler:$(TAG)
ARCHES    ?= amd64 arm64
OUT       ?= bin/image.tar
# The race detector needs a C compiler; without one the tests run without it.
RACE      := $(if $(shell command -v $$(go env CC) 2>/dev/null),-race)

##@ Use

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*##"; print "Usage: make TARGET"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*##/ {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build all binaries into bin/ (cold: 8 minutes, it compiles Kubernetes).
	@echo "building bin/ on Kubernetes $(K8S_VERSION); the first time compiles Kubernetes and takes minutes" >&2
	@mkdir -p bin
	@go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...
	@# It goes into images without libraries.
	@CGO_ENABLED=0 go build -ldflags '-s -w' -o bin/ ./cmd/workload

.PHONY: run
run: build $(if $(REAL),local-image) ## Start a local cluster, schedule a real workload, show what was decided and why (NODES=10; REAL=1 for real nodes, YES=1 to install what they need).
	@DIR=$(DIR) NODES=$(NODES) REAL=$(REAL) YES=$(YES) hack/run.sh

.PHONY: down
down: ## Remove the local cluster.
	@if [ -x bin/localcluster ]; then bin/localcluster down --dir $(DIR); else echo "nothing was built, so nothing runs"; fi

##@ Develop

.PHONY: test
test: build ## Run all tests: unit, differential and fuzz seeds with the race detector, then the integration tests.
	@$(if $(RACE),,echo "no C compiler: testing without the race detector")
	go test $(RACE) ./config/... ./manifests/... ./plugins/... ./cmd/foresight/... ./cmd/foresight-scheduler/... ./cmd/internal/...
	@# The race detector blurs what parsing allocates, so this bound is held without it.
	go test ./plugins/claims
	@# As are the decisions of the shipped profile: in a tenth of the time.
	go test ./plugins/predict/evaluate/replay -run '^Test(Guard|Onlooker)'
	go test ./cmd/localcluster/...
	go test -timeout 30m ./test/...

.PHONY: e2e
e2e: build local-image ## Test the whole stack on real nodes (root; installs containerd and what else they need).
	FORESIGHT_E2E=1 go test -count=1 -timeout 40m -parallel 4 ./test/e2e

.PHONY: lab
lab: build ## Measure what co-location does to a service on real nodes (root): lab/lab.csv, lab/lab.png.
	@trap 'bin/localcluster down --dir .localcluster-lab' EXIT; \
	bin/localcluster up --real $(if $(YES),--yes) --dir .localcluster-lab --without kube-scheduler,metrics-server && \
	go run ./test/lab --dir .localcluster-lab

.PHONY: lab-cores
lab-cores: build ## Measure a service beside hogs on two CPUs, learn from it and choose nodes (root, no cluster): lab/cores.
	go run ./test/lab/cores --out lab/cores

.PHONY: skew
skew: build ## Run the scheduler beside API servers of other Kubernetes releases (docs/operate/versions.md; builds them, 10 minutes each; SERVERS=v1.34.4,… for some).
	FORESIGHT_SKEW=$(or $(SERVERS),all) go test -count=1 -timeout 3h ./test/skew -run TestSkew -v -update

.PHONY: chart
chart: ## Render, lint and compare the Helm chart with Helm's library (a module of its own).
	cd test/chart && go test . ./pack

.PHONY: chart-live
chart-live: build local-image ## Install, upgrade, roll back and remove the chart with Helm on real nodes under load (root; 8 minutes cold).
	@mkdir -p bin && cd test/chart && go build -o ../../bin/helm helm.sh/helm/v4/cmd/helm
	@trap 'bin/localcluster down --dir .localcluster-chart' EXIT; \
	bin/localcluster up --real --yes --dir .localcluster-chart --without foresight-scheduler --scheduler-image bin/local-image.tar && \
	(cd test/chart && FORESIGHT_CHART_CLUSTER=$(CURDIR)/.localcluster-chart go test -count=1 -timeout 30m -v ./live)

.PHONY: alerts
alerts: ## Evaluate the shipped alerts with Prometheus' own library (a module of its own).
	cd test/alerts && go test ./...

bin/servers/prometheus:
	cd test/alerts && go build -tags remove_all_sd -o ../../$@ github.com/prometheus/prometheus/cmd/prometheus
bin/servers/thanos:
	cd test/servers/thanos && go build -tags slicelabels -o ../../../$@ github.com/thanos-io/thanos/cmd/thanos
bin/servers/mimir:
	cd test/servers/mimir && go build -o ../../../$@ github.com/grafana/mimir/cmd/mimir
bin/servers/victoria-metrics:
	cd test/servers/victoria-metrics && go build -o ../../../$@ github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics

.PHONY: prometheus
prometheus: build bin/servers/prometheus bin/servers/thanos bin/servers/mimir bin/servers/victoria-metrics ## Build Prometheus, Thanos, Mimir and VictoriaMetrics, and run the tests that read real ones (20 minutes cold).
	FORESIGHT_SERVERS=$(CURDIR)/bin/servers go test -count=1 ./plugins/predict/usage/prometheus ./test/integration -run 'TestPrometheus|TestToldTwice|TestCousins|TestDashboardShows' -v

.PHONY: sizes
sizes: ## List files over 300 lines and packages over 600 for which hack/large.txt has no reason.
	@hack/verify-size.sh

.PHONY: fuzz
fuzz: ## Fuzz everything that has a fuzz target: our plugins and the node index against upstream, and what reads others' text. Each for FUZZTIME (60s); FUZZ='REGEXP' for some.
	@hack/fuzz.sh $(or $(FUZZTIME),60s) '$(or $(FUZZ),.)'

.PHONY: replay
replay: ## Replay small worlds and hold the shipped profile's decisions against what they were (two minutes).
	go test ./plugins/predict/evaluate/replay -run '^Test(Guard|Onlooker)' -count 1 -v

.PHONY: leader-lock
leader-lock: ## Kill the leading one of three schedulers LEADER_KILLS (20) times under load (2 minutes).
	LEADER_KILLS=$(or $(LEADER_KILLS),20) go test -timeout 20m ./test/integration -run TestLeaderKilledUnderLoad -v

.PHONY: faults
faults: build ## Let all go wrong that may while pods are created, and tell what came of it (20 minutes; docs/operate/reliability.md).
	FAULTS=1 go test -timeout 60m ./test/integration -run 'TestFaults|TestStreamBesideHopelessPods|TestPackerIsKilled' -v

.PHONY: verify
verify: ## Check formatting, vet, static analysis, import rules, generated code, module files and manifests.
	hack/verify.sh

.PHONY: update
update: ## Write the generated code anew.
	hack/update-codegen.sh

.PHONY: bench
bench: build ## Measure Foresight against stock kube-scheduler (about 40 minutes; writes docs/results/benchmarks*.md), then run the micro-benchmarks.
	go run ./test/bench --nodes 1000,5000,15000 --mix simple,varied,hard,constrained,identical \
		--variant foresight,stock,stock-all-nodes,trimaran,foresight-without-index --page docs/results/benchmarks.md
	go run ./test/bench growth --plots docs/results
	go run ./test/bench/apiserver --page docs/results/benchmarks-apiserver.md
	go test -run '^$$' -bench . -benchmem ./plugins/...

##@ Ship

.PHONY: image
image: build ## Write the image as an OCI archive, without a container engine (IMAGE=NAME:TAG, ARCHES="amd64 arm64", OUT=bin/image.tar).
	@for arch in $(ARCHES); do \
		CGO_ENABLED=0 GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o bin/image/$$arch/foresight-scheduler ./cmd/foresight-scheduler || exit 1; \
	done
	@bin/localcluster image --out $(OUT) --name $(IMAGE) --ca-certificates '$(wildcard /etc/ssl/certs/ca-certificates.crt)' \
		--created '$(if $(filter unknown,$(BUILD_DATE)),1970-01-01T00:00:00Z,$(BUILD_DATE))' \
		--label org.opencontainers.image.title=foresight-scheduler --label org.opencontainers.image.version=$(VERSION) \
		--label org.opencontainers.image.revision=$(COMMIT) --label org.opencontainers.image.licenses=Apache-2.0 \
		$(ARCHES:%=bin/image/%/foresight-scheduler)

bin/release/%/foresight: FORCE
	@CGO_ENABLED=0 GOARCH=$* go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/foresight
FORCE:

.PHONY: release
release: ## Write into dist/ all that a release publishes, and publish nothing (VERSION=v0.2.0, ARCHES="amd64 arm64").
	@ARCHES="$(ARCHES)" hack/release.sh $(VERSION)

# What real nodes import: this machine's architecture, by the name that a kubelet makes of the manifests'.
.PHONY: local-image
local-image:
	@$(MAKE) --no-print-directory image ARCHES=$$(go env GOARCH) IMAGE=docker.io/library/foresight-scheduler:$(TAG) OUT=bin/local-image.tar

.PHONY: manifests
manifests: build ## Print the YAML that installs the second scheduler.
	@bin/localcluster kubectl kustomize manifests/base
