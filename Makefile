# The two commands of CONTRIBUTING.md and the parts of .ci/run, for those who have make.
PYTHON ?= python3
VENV ?= .venv

.PHONY: run test lint types contracts ci

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

run: $(VENV)/installed
	$(VENV)/bin/digicarbon run table3_baseline

test: $(VENV)/installed
	$(VENV)/bin/pytest -n auto

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/installed
	$(VENV)/bin/mypy

contracts: $(VENV)/installed
	$(VENV)/bin/lint-imports

ci:
	.ci/run
