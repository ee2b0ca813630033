# One command each, the same names here and in CI. Every target makes its own environment.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= auto

.PHONY: help demo test test-deep check bench dashboard clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/ready  ## a sample book: generated month, loaded, billed, invoices printed
	$(BIN)/tollbook demo demo-book

test: .venv/ready  ## the tests, with a fast profile
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal

test-deep: .venv/ready  ## the properties with many more examples, and the kills
	TOLLBOOK_PROFILE=deep $(BIN)/pytest -q -n $(WORKERS) --dist worksteal

check: .venv/ready  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/ready  ## the benchmarks; figures go to tests/benchmarks/results/
	$(BIN)/python -m tests.benchmarks

dashboard: .venv/ready  ## the app, on the sample book
	$(BIN)/tollbook demo demo-book > /dev/null
	$(BIN)/tollbook dashboard --book demo-book

clean:  ## remove the environment and the sample book
	rm -rf .venv demo-book

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
