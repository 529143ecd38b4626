# `make` lists the targets. Settings (LOG_SYNC, ACCURACY_THRESHOLD, API_PORT, …) are environment variables.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
API_PORT ?= 8000
DASHBOARD_PORT ?= 8501
COMPOSE := docker compose
KIND_CLUSTER ?= sentiment
KIND_NODE_IMAGE ?=
NAMESPACE ?= sentiment
RELEASE ?= sentiment
CHART := charts/sentiment-monitor
CLUSTER := $(PYTHON) -m scripts.kind_cluster
HELM := helm --kube-context kind-$(KIND_CLUSTER) --namespace $(NAMESPACE)
export API_PORT DASHBOARD_PORT KIND_CLUSTER KIND_NODE_IMAGE NAMESPACE RELEASE
GITLEAKS := github.com/zricethezav/gitleaks/v8@v8.30.1
export REVISION := $(shell git rev-parse --short HEAD 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help help-all build run run-docker run-local stop logs clean evaluate demo train bench bench-profile bench-growth bench-dashboard bench-startup evidence reliability mutations test test-processes test-properties test-evidence test-browser test-docker lint format lock screenshots audit sbom secrets
.PHONY: kind-up kind-load kind-down helm-install helm-test helm-uninstall port-forward smoke chart-tools chart-docs

##@ Use
help: ## List the usual targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "%s%s\n", gap, substr($$0, 5); gap = "\n"} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

help-all: ## List all targets
	@awk 'BEGIN {FS = ":.*##-? "} /^##@/ {printf "%s%s\n", gap, substr($$0, 5); gap = "\n"} /^[a-z-]+:.*##-? / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the two images
	@docker info >/dev/null 2>&1 || { echo "Building images needs a running Docker engine. 'make run' works without one."; exit 1; }
	$(COMPOSE) build

run: ## Start both services: in Docker if an engine answers, else as local processes
	@if $(COMPOSE) version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then $(MAKE) --no-print-directory run-docker; \
	else echo "There is no Docker engine with Compose, so both services run as local processes."; $(MAKE) --no-print-directory run-local; fi

run-docker: .ports ##- Start both services with Docker Compose
	$(COMPOSE) up --build --detach --wait || { echo "Not every service is running: see Compose's output above, or 'make logs'."; exit 1; }
	@$(MAKE) --no-print-directory urls

run-local: .ports $(VENV)/.services ##- Start both services as local processes, in a virtual environment that make creates
	@$(BIN)/python scripts/local_services.py start
	@$(MAKE) --no-print-directory urls

.PHONY: .ports urls
.ports: # Docker does without Python
	@! command -v $(PYTHON) >/dev/null || $(PYTHON) scripts/local_services.py ports

urls:
	@echo "API        http://localhost:$(API_PORT)/docs"
	@echo "Dashboard  http://localhost:$(DASHBOARD_PORT)"

stop: ## Stop both services; the log stays
	@$(PYTHON) scripts/local_services.py stop
	@! docker info >/dev/null 2>&1 || $(COMPOSE) stop

logs: ## Follow the output of the services
	@if [ -n "$$($(COMPOSE) ps --quiet 2>/dev/null)" ]; then $(COMPOSE) logs --follow --tail 50; \
	else $(PYTHON) scripts/local_services.py logs; fi

clean: ## Stop both services and delete their containers, network and log
	@$(PYTHON) scripts/local_services.py stop
	rm -rf .run logs state
	@! docker info >/dev/null 2>&1 || $(COMPOSE) down --volumes --remove-orphans

evaluate: ##- Send test.json to the running API and print the accuracy
	$(PYTHON) evaluate.py --url http://localhost:$(API_PORT)

demo: ## Send synthetic traffic for two minutes that raises every alarm of the dashboard
	$(PYTHON) -m scripts.demo --url http://localhost:$(API_PORT) $(DEMO_OPTIONS)

train: $(VENV)/.training ##- Train the model: make train DATA=file.csv (UNLABELLED=more.csv, TRAIN_OPTIONS=…)
	@[ -n "$(DATA)" ] || { echo 'DATA is missing, for example: make train DATA="IMDB Dataset.csv"'; exit 2; }
	$(BIN)/python -m training.train --data "$(DATA)" $(if $(UNLABELLED),--unlabelled "$(UNLABELLED)") $(TRAIN_OPTIONS)

##@ Kubernetes, in a kind cluster
kind-up: ## Create the cluster of kind-config.yaml (KIND_CLUSTER=sentiment, KIND_NODE_IMAGE=)
	@$(CLUSTER) up

kind-load: ##- Build the images and load them into the nodes of the cluster
	@$(CLUSTER) require
	@$(MAKE) --no-print-directory build
	@$(CLUSTER) load

helm-install: kind-load ## Install or upgrade the chart (NAMESPACE=, RELEASE=, HELM_OPTIONS=--set …)
	$(HELM) upgrade --install $(RELEASE) $(CHART) --create-namespace --values .kind/values.yaml --wait --timeout 5m $(HELM_OPTIONS)

port-forward: ## Forward localhost:8000 and :8501 to the services, until Ctrl-C
	@$(CLUSTER) port-forward

helm-test: ## Send a prediction through the release and find it in the log
	@$(CLUSTER) require
	$(HELM) test $(RELEASE) --timeout 3m

smoke: $(VENV)/.dev kind-load ## Install, use, kill, upgrade, drain and uninstall the chart in the cluster
	$(PYTEST) --numprocesses 2 --dist loadfile -m smoke

helm-uninstall: ##- Uninstall the release; the claim with the log stays
	@$(CLUSTER) require
	$(HELM) uninstall $(RELEASE) --ignore-not-found --wait --timeout 2m

kind-down: ## Delete the cluster and everything in it
	@$(CLUSTER) down

##@ Develop
# Without files of bytecode, pytest and every service that a test starts would compile the project again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# A process has one core: threads that share out small sums would only wait for each other.
ON_ALL_CORES := OPENBLAS_NUM_THREADS=1 $(PYTEST) --numprocesses auto --dist worksteal

test: $(VENV)/.dev ## Run the fast tests on all cores
	$(ON_ALL_CORES)

test-processes: $(VENV)/.dev ## Test services and commands as real processes, with kills; train models
	$(ON_ALL_CORES) -m processes

test-properties: $(VENV)/.dev ##- Run the property tests with 1,000 examples each (half an hour)
	$(ON_ALL_CORES) -m "hypothesis and not processes and not browser" --hypothesis-profile thorough

# A browser, the page and the API take both cores: beside a second set, what is promised for 5 seconds takes longer.
test-browser: $(VENV)/.dev ## Test the page in a real Chromium, with local services
	$(PYTEST) -m browser

test-docker: $(VENV)/.dev ## Build the images, run them with Compose, test the page in Chromium
	$(PYTEST) -m docker

bench: $(VENV)/.api ##- Compare the API with other model servers (needs wrk; 25 minutes)
	$(VENV)/api/bin/python -m benchmarks.serving $(BENCH_OPTIONS)

bench-profile: $(VENV)/.dev ##- Show the time of each stage of a request (needs wrk; 5 minutes)
	$(BIN)/python -m benchmarks.serving.stages $(BENCH_OPTIONS)

bench-growth: $(VENV)/.api ##- Measure the API while its log grows to ten million lines (needs wrk and 5 GB of disk)
	$(VENV)/api/bin/python -m benchmarks.serving.growth $(BENCH_OPTIONS)

evidence: $(VENV)/.evidence $(VENV)/.evidently ##- Measure false-alarm rates and detection delays of the alarms (an hour)
	OPENBLAS_NUM_THREADS=1 $(VENV)/evidence/bin/python -m benchmarks.evidence $(EVIDENCE_OPTIONS)

test-evidence: $(VENV)/.dev ##- Test the alarms' error rates on few streams, without other libraries
	OPENBLAS_NUM_THREADS=1 $(PYTEST) -m evidence

reliability: $(VENV)/.dev $(VENV)/.gitleaks ##- Measure every promise of the reliability document (an hour; ROWS="kill power")
	$(BIN)/python -m benchmarks.reliability $(ROWS)

mutations: $(VENV)/.dev ##- Break the code in many places, and count which levels of tests notice (hours; MUTATIONS="log --level fast")
	$(BIN)/python -m benchmarks.mutations $(MUTATIONS)

bench-dashboard: $(VENV)/.dev ##- Measure the page on a million lines, and its reader on ten million (20 GB of disk; 20 minutes)
	$(BIN)/python -m benchmarks.dashboard $(BENCH_OPTIONS)

bench-startup: $(VENV)/.api ##- Measure the start of the API, and the model's part of it
	$(VENV)/api/bin/python -m benchmarks.serving.startup

lint: $(VENV)/.dev ## Check style, types and the import rules of the folders
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ##- Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(VENV)/.dev ##- Pin the newest packages that the requirements.in files allow
	$(BIN)/python scripts/lock.py

# Not part of .ci/run: what it says depends on what became known today, not on the change.
audit: $(VENV)/.dev ##- Look up known vulnerabilities of the pinned packages (AUDIT_OPTIONS="--vulnerability-service osv")
	@$(BIN)/python -m scripts.audit $(AUDIT_OPTIONS)

sbom: $(VENV)/.dev build ##- Write bills of materials of the two images to .sbom (CycloneDX)
	@$(BIN)/python -m scripts.sbom .sbom sentiment-monitor-api:$(or $(IMAGE_TAG),dev) sentiment-monitor-dashboard:$(or $(IMAGE_TAG),dev)

secrets: $(VENV)/.gitleaks ##- Search all commits and uncommitted changes for secrets (needs Go once)
	$(BIN)/gitleaks git --no-banner --redact --verbose --log-opts HEAD
	$(BIN)/gitleaks git --no-banner --redact --verbose --pre-commit

chart-tools: $(VENV)/.chart-tools ##- Install helm-docs, Helm 3, promtool and CRDs for the chart's tests (needs Go)

chart-docs: $(VENV)/.chart-tools ##- Generate the chart's README and default values from values.yaml
	$(BIN)/helm-docs --chart-search-root charts
	cp $(CHART)/values.yaml $(CHART)/files/values.yaml

screenshots: $(VENV)/.dev ##- Take the pictures in docs/screenshots
	$(BIN)/python -m scripts.screenshots $(SCREENSHOT_OPTIONS)

$(VENV)/.services: api/requirements.txt monitoring/requirements.txt | $(BIN)/python
	@echo "Installing the services' packages into $(VENV); this takes a minute or two."
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r api/requirements.txt -r monitoring/requirements.txt
	@touch $@

$(VENV)/.api: api/requirements.txt | $(BIN)/python
	@echo "Installing the packages of the API's image into $(VENV)/api, for the benchmarks."
	@$(BIN)/python -m venv $(VENV)/api
	@$(VENV)/api/bin/pip install --disable-pip-version-check --require-hashes -r api/requirements.txt
	@touch $@

$(VENV)/.evidence: benchmarks/evidence/requirements-evidence.txt | $(BIN)/python
	@echo "Installing River and the packages of monitoring into $(VENV)/evidence, for the comparison."
	@$(BIN)/python -m venv $(VENV)/evidence
	@$(VENV)/evidence/bin/pip install --disable-pip-version-check --require-hashes -r benchmarks/evidence/requirements-evidence.txt
	@touch $@

# All dependencies are pinned; pip, left to look for them, would want another pin for a package with an extra.
$(VENV)/.evidently: benchmarks/evidence/requirements-evidently.txt | $(BIN)/python
	@echo "Installing Evidently, which needs another pandas, into $(VENV)/evidently; this takes some minutes."
	@$(BIN)/python -m venv $(VENV)/evidently
	@$(VENV)/evidently/bin/pip install --disable-pip-version-check --no-deps --require-hashes -r benchmarks/evidence/requirements-evidently.txt
	@touch $@

$(VENV)/.training: training/requirements.txt | $(BIN)/python
	@echo "Installing the packages for training into $(VENV); this takes a minute."
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r training/requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(BIN)/python
	@echo "Installing the development packages into $(VENV); this takes a minute or two."
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.services $(VENV)/.training

$(VENV)/.chart-tools: scripts/chart_tools.py | $(VENV)/.dev
	@$(BIN)/python scripts/chart_tools.py $(BIN)
	@touch $@

$(VENV)/.gitleaks: Makefile | $(BIN)/python
	@command -v go >/dev/null || { echo "gitleaks is built with Go, and 'go' is not on the PATH; install it, then try again."; exit 1; }
	@GOBIN=$(abspath $(BIN)) go install $(GITLEAKS)
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.13 …")'
	@$(PYTHON) -m venv $(VENV)
