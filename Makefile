# `make demo` and `make test` need Python 3.11+ and nothing else.
PYTHON ?= python3
# Three processes, a file of tests to each: on two cores one of them often waits, for a server or a page.
PYTEST := .venv/bin/python -m pytest -n 3 --dist loadfile
BENCH := .venv/bin/python bench
PIP := .venv/bin/pip --disable-pip-version-check -q
# The demo ends with a server for its library; SERVE=0 ends it after printing.
SERVE ?= 1

.PHONY: demo test test-full check bench bench-small golden clean

demo: .venv/installed
	.venv/bin/vistazo demo --db demo-library --pictures sample
ifneq ($(SERVE),0)
	.venv/bin/vistazo serve --db demo-library
endif

test: .venv/tested
	$(PYTEST) -m "not slow"

# Everything, also the full forms of slow loops: 20 kills, long fuzzing.
test-full: .venv/tested
	$(PYTEST)

check: .venv/tested
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -q tests/unit/test_layers.py
	$(PYTEST) -m "not slow"

# Some hours. WORK keeps what was measured: a run that was stopped goes on from there.
WORK ?= bench-work
bench: .venv/benched
	$(BENCH)/folder.py
	$(BENCH)/scan.py
	$(BENCH)/graph_width.py --rows 1000000 --work $(WORK)
	$(BENCH)/knn.py
	$(BENCH)/conversions_load.py
	$(BENCH)/analytics.py
	$(BENCH)/demand.py
	$(BENCH)/downloads.py
	$(BENCH)/api.py
	$(BENCH)/cli.py
	$(BENCH)/endpoint.py
	$(BENCH)/search.py --work $(WORK) --docs docs
	$(BENCH)/duplicates.py
	$(BENCH)/map.py
	$(BENCH)/words.py
	$(BENCH)/growth.py --work $(WORK) --docs docs
	$(BENCH)/engine_index.py --work $(WORK) --docs docs

# Whether the benchmarks still run, in a few minutes; their numbers mean nothing at such sizes.
bench-small: .venv/benched
	$(BENCH)/folder.py --pictures 40 --repeat 1
	$(BENCH)/scan.py --rows 2000 --seconds 0.1
	$(BENCH)/graph_width.py --rows 2000
	$(BENCH)/knn.py --rows 1000 --queries 5
	$(BENCH)/conversions_load.py --rows 10000
	$(BENCH)/analytics.py --photos 1000 --conversions 20000 --runs 2
	$(BENCH)/demand.py --photos 1000 --conversions 10000
	$(BENCH)/downloads.py --pictures 40 --rounds 1
	$(BENCH)/api.py --photos 1000 --searches 10
	$(BENCH)/cli.py --photos 500 --rounds 1
	$(BENCH)/endpoint.py --rows 1000 --queries 5 --seconds 0.5 --clients 2
	$(BENCH)/duplicates.py --photos 1000
	$(BENCH)/map.py --photos 1000
	$(BENCH)/words.py --rows 1000
	$(BENCH)/search.py --sizes 1500 --shapes anisotropic --queries 20 --seconds 0.2
	$(BENCH)/growth.py --sizes 300 900 --queries 20
	$(BENCH)/engine_index.py --rows 600 --queries 5 --only exact-f32 bf16-1 i8-1 bf16-4 qbit codec-int8

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

# With what bench/search.py compares with.
.venv/benched: .venv/tested
	$(PIP) install -e '.[dev,bench]'
	touch $@

clean:
	rm -rf .venv demo-library bench-work .mypy_cache .ruff_cache .pytest_cache
