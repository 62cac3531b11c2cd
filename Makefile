# `make demo` and `make test` need Python 3.11+ and nothing else.
PYTHON ?= python3
PIP := .venv/bin/pip --disable-pip-version-check -q
# The demo ends with a server for its library; SERVE=0 ends it after printing.
SERVE ?= 1

.PHONY: demo test test-full check bench golden clean

demo: .venv/installed
	.venv/bin/vistazo demo --db demo-library --pictures sample
ifneq ($(SERVE),0)
	.venv/bin/vistazo serve --db demo-library
endif

test: .venv/tested
	.venv/bin/python -m pytest -m "not slow"

# Everything, also the full forms of slow loops: 20 kills, long fuzzing.
test-full: .venv/tested
	.venv/bin/python -m pytest

check: .venv/tested
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -q tests/unit/test_layers.py
	.venv/bin/python -m pytest -m "not slow"

bench: .venv/tested
	.venv/bin/python bench/ingest.py
	.venv/bin/python bench/knn.py
	.venv/bin/python bench/conversions_load.py
	.venv/bin/python bench/analytics.py
	.venv/bin/python bench/downloads.py
	.venv/bin/python bench/cli.py
	.venv/bin/python bench/endpoint.py
	.venv/bin/python bench/duplicates.py
	.venv/bin/python bench/map.py

golden: .venv/tested
	.venv/bin/python -m pytest -q tests/golden --update-golden

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install -e .
	touch $@

.venv/tested: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install -e '.[dev]'
	touch $@ .venv/installed

clean:
	rm -rf .venv demo-library .mypy_cache .ruff_cache .pytest_cache
