# Each target sets up .venv itself, if needed. Once it stands, nothing here needs a network.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# Two workers, a file each at a time: most tests wait for a database or a kernel half of their time.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
export DENO_DIR ?= $(CURDIR)/.venv/deno

.PHONY: run test test-slow lint licences bench lab clean

run: $(READY)
	$(BIN)/runbook run --fresh

test: $(READY)
	$(PYTEST) -m "not slow"

test-slow: $(READY)
	$(PYTEST) -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry lib
	$(BIN)/runbook docs --check
	$(BIN)/python -m tests.linters
	$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

licences: $(READY)
	$(BIN)/python -m tests.licences

bench: $(READY)
	$(BIN)/python -m bench

lab: $(READY)
	$(BIN)/runbook lab

clean:
	rm -rf .venv .runbook

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "The runbook needs Python 3.11 or newer.")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)
