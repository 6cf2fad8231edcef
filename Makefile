# Needs only Python 3.11 or newer, pip and make. `make` alone lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
ROOMS := alerts attribution collectors config daemon domain ledger reaper
BENCH_ROWS ?= 2000000
JOBS ?= auto
PYTEST_ARGS ?=
LOCK_ARGS ?=

# The first of these that really runs and is new enough; say PYTHON=… to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCKED := install --require-hashes --no-deps
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url \
	--no-annotate --python-version 3.11 --custom-compile-command 'make lock' -q $(LOCK_ARGS)

.PHONY: help run test check lint types boundaries docs pages lock bench soak peers clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(DONE)/run  ## Collect the demo company's bills, print its digest and serve its pages
	@echo 'Here costd is $(BIN)/costd'
	@exec $(BIN)/costd -c demo run

test: $(DONE)/test  ## Install what the tests need and run all of them
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

check: lint types boundaries docs  ## Everything CI asks besides the tests

lint: $(DONE)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DONE)/test
	$(BIN)/mypy

boundaries: $(DONE)/test
	$(BIN)/lint-imports --no-cache

docs: $(DONE)/test
	$(BIN)/interrogate -q $(ROOMS)
	$(BIN)/python -m pytest -q tests/house/test_docs.py

pages: $(DONE)/test  ## Write the pages of docs/reference that are made from the program
	$(BIN)/costd config schema --output markdown > docs/reference/settings.md
	PYTHONPATH=tests/support $(BIN)/python -m reference

lock: $(DONE)/test  ## Write requirements/*.txt anew; LOCK_ARGS=--upgrade takes newer releases
	$(COMPILE) pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/base.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt --all-extras -o requirements/extras.txt
	$(COMPILE) -c requirements/dev.txt --group build -o requirements/build.txt
	$(COMPILE) --group venv -o requirements/venv.txt
	$(COMPILE:3.11=3.12) --group focus -o requirements/focus.txt

bench: $(DONE)/test  ## Print figure, floor, ratio and goal; BENCH_ROWS=10000000 for the full size
	$(BIN)/python -m benchmarks --rows $(BENCH_ROWS)

soak: $(DONE)/test  ## The long form of the crash and property tests (about an hour)
	COSTD_SOAK=1 COSTD_HYPOTHESIS=soak $(BIN)/python -m pytest -m "soak or hypothesis" $(PYTEST_ARGS)

peers: $(DONE)/test  ## Install the real programs that some tests need (PostgreSQL, Chromium …)
	@VENV=$(VENV) sh .ci/peers

clean:  ## Remove the environment and everything built
	rm -rf $(VENV) .venv-focus build dist .*_cache

$(DONE)/venv:
	@test -n "$(PYTHON)" || { echo 'no Python 3.11 or newer found; say PYTHON=/path/to/python' >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) 2>/dev/null || { \
		echo 'this Python cannot make environments by itself (no ensurepip); fetching virtualenv' && \
		rm -rf $(VENV) build/virtualenv && \
		$(PYTHON) -m pip install -qq --require-hashes --no-deps --target build/virtualenv -r requirements/venv.txt && \
		PYTHONPATH=build/virtualenv $(PYTHON) -m virtualenv -q $(VENV); }
	@mkdir -p $(DONE) && touch $@

$(DONE)/run: requirements/base.txt requirements/build.txt pyproject.toml | $(DONE)/venv
	@echo 'installing what costd needs into $(VENV) (once; a minute or two)'
	@$(PIP) $(LOCKED) -r requirements/base.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q $(ROOMS)
	@touch $@

$(DONE)/test: requirements/dev.txt $(DONE)/run
	@echo 'installing what the tests need into $(VENV) (once)'
	@$(PIP) $(LOCKED) -r requirements/dev.txt
	@touch $@
