# Needs python3.11, make, git and the package registries; everything else is fetched.
PYTHON ?= python3.11
# The environment's own, else the fastest of those on the PATH; one that is given is taken as it is.
FASTEST = $$($(PYTHON) stream_app/compiled/interpreter.py $(PYTHON) || echo $(PYTHON))
CHOSEN = $(if $(filter file,$(origin PYTHON)),$(or $(wildcard .venv/bin/python),$(FASTEST)),$(PYTHON))
ARGS ?=
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
UV := .cache/uv/bin/uv
READY := .venv/ready
COMPILED := .venv/compiled
SOURCES := $(shell find stream_app -name '*.py')
COMPILER := $(if $(shell command -v cc || command -v gcc),,--group compiler)
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
# Else every process compiles what it imports, where the machine forbids to keep it: 1.4 seconds to start instead of 0.7.
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup fmt check test sim test-faults bench bench-history soak docs schemas demo audit sbom

help: ## what can be done here
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) $(COMPILED) ## the environment, Kafka and the data set; after it the demo needs no network

# Standard output is left to the program, so that `make demo ARGS="--json"` prints one document and nothing else.
$(READY): pyproject.toml uv.lock | $(UV)
	@echo "setting up (once, about two minutes)" >&2
	@$(UV) sync --frozen --quiet --extra calibrate --extra registry --python "$(CHOSEN)" $(COMPILER) >&2
	@$(BIN)/python -m stream_app.demo.prepare >&2
	@touch $@

$(COMPILED): $(SOURCES) | $(READY)
	@$(BIN)/python -m stream_app.compiled.build
	@touch $@

$(UV):
	@echo "fetching uv" >&2
	@$(PYTHON) -m venv .cache/uv >&2
	@.cache/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9" >&2

fmt: $(READY) ## format the code, and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

check: $(READY) ## format, lint, types, who may import whom, what is unsafe, and that no schema breaks what a release has promised
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit --quiet --recursive --severity-level medium --configfile pyproject.toml stream_app
	@$(BIN)/stream-app schemas --check >/dev/null

audit: $(UV) ## known vulnerabilities of what is installed with the product (asks OSV, so it needs the network)
	@$(UV) audit --frozen --no-dev $(ARGS)

sbom: $(UV) ## what is installed with the product, as CycloneDX, in dist/sbom.json
	@mkdir -p dist
	@$(UV) export --quiet --frozen --no-default-groups --all-extras --format cyclonedx1.5 --preview-features sbom-export --output-file dist/sbom.json >/dev/null

# What often waits for a broker or a browser runs side by side by the file, each process with a broker of its own, and three of them
# keep two cores busy. Rules keep one busy each, and the simulator takes both by itself. What takes long begins first.
RULES := $(addprefix tests/,agreement oracle properties unit deploy contract house)
SHELLS := $(addprefix tests/,faults integration web)

test: check $(COMPILED) ## all checks and all tests (ARGS: for pytest)
ifeq ($(ARGS),)
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(RULES)
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(SHELLS)
	@$(BIN)/python -m pytest tests/simulator
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-faults: $(COMPILED) ## every fault on a real Kafka, recorded in tests/faults/last.json (ARGS: for pytest)
	@$(BIN)/python -m pytest tests/faults --faults all $(ARGS)

sim: $(COMPILED) ## the deterministic simulator (SEED=n: play one run again; ARGS="--minutes 480": a night of new seeds)
	@$(BIN)/python -m tests.simulator $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(READY) $(COMPILED) ## measure us and our peers (ARGS="--quick --json": eight minutes, one document)
	@$(BIN)/python -m benchmarks.run $(ARGS)

bench-history: $(READY) ## every answer over 1 M customers and 10 M changes, also while 500 a second stream in (ARGS="--customers 200000 --url URL")
	@$(BIN)/python -m benchmarks.read_api $(ARGS)

soak: $(READY) $(COMPILED) ## a day of traffic, faults and policy changes in MINUTES=30 (SEED=n; ARGS="--rate 300")
	@$(BIN)/python -m benchmarks.soak.run $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

docs: $(READY) ## the documentation site, in docs/_build/html
	@$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

schemas: $(READY) ## write the JSON Schemas from the models
	@$(BIN)/stream-app schemas $(ARGS)

demo: $(READY) $(COMPILED) ## see it at work (ARGS="--once --json": only the summary)
	@$(BIN)/stream-app demo $(ARGS)
