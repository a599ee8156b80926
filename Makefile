# Each target sets up .venv itself, if needed. Once it stands, nothing here needs a network.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEV := .venv/dev
DOCS := .venv/docs
# Programs in .venv name the folder they were made in: one that was moved with its checkout is made anew.
$(shell test ! -s $(READY) || test "$$(cat $(READY))" = "$$(pwd)" || rm -rf .venv)
# Three workers for two cores, a file each at a time: most tests wait for a database or a kernel half of their time.
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
export DENO_DIR ?= $(CURDIR)/.venv/deno

.PHONY: run test test-slow test-long lint licences bench docs lab clean

run: $(READY)
	$(BIN)/runbook run --fresh

test: $(DEV)
	$(PYTEST) -m "not slow and not long"

test-slow: $(DEV)
	$(PYTEST) -m slow

test-long: $(DEV)
	$(PYTEST) -m long

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry lib
	$(BIN)/runbook docs --check
	$(BIN)/python docs/reference.py --check
	$(BIN)/python -m tests.linters
	$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

licences: $(DEV)
	$(BIN)/python -m tests.licences

bench: $(DEV)
	$(BIN)/python -m bench

docs: $(DOCS)
	$(BIN)/python docs/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

lab: $(READY)
	$(BIN)/runbook lab

clean:
	rm -rf .venv .runbook

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "The runbook needs Python 3.11 or newer.")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	pwd > $(READY)

# What tests and linters add, and what the site adds.
$(DEV): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(DEV)

$(DOCS): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	touch $(DOCS)
