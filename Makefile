# What one does with this project. `make` lists it; everything lives in .venv and var/.

.DEFAULT_GOAL := help
.PHONY: help run test lint fast check bench fuzz chaos lock tools format clean

PY := .venv/bin/python
PORT ?= 8000
SEED ?= 0
MINUTES ?= 18
CASES ?= 100000

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: .venv/.base ## start everything on this machine: http://localhost:8000 (PORT=8001 for another port)
	@$(PY) manage.py up --port $(PORT)

test: .venv/.dev tools ## the whole suite, on SQLite and on PostgreSQL at the same time
	@# Two workers on each; each pair runs every test that concerns its database (tests/conftest.py: which ones).
	$(PY) -m pytest -o console_output_style=classic --dist each $(foreach part,1/2 2/2,$(foreach database,sqlite postgresql,--tx popen//env:TEST_DATABASE=$(database)//env:TEST_SHARED=1//env:TEST_PART=$(part))) $(ARGS)

check: lint fast ## lint, types, migrations and the tests that need no processes: before each commit

lint: .venv/.dev ## ruff, mypy, migrations
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	$(PY) manage.py makemigrations --check --dry-run --settings tests.settings

fast: .venv/.dev ## the tests that start no processes and no browser, on SQLite
	$(PY) -m pytest -q -n 2 -m "not processes and not browser" $(ARGS)

bench: .venv/.dev ## measure, and print each figure beside its target
	$(PY) -m bench $(ARGS)

fuzz: .venv/.dev ## send every endpoint of the API made-up requests (CASES=100000 SEED=0; PostgreSQL: TEST_DATABASE=postgresql)
	CASES=$(CASES) SEED=$(SEED) $(PY) -m pytest -q -n 0 tests/api/test_fuzz.py tests/api/test_schemathesis.py $(ARGS)

chaos: .venv/.dev ## every fault and pair of faults, and kill -9, judged by an oracle: 25 minutes (SEED=1; MINUTES=40: pairs at all steps)
	@$(PY) -m tests.chaos --seed $(SEED) --minutes $(MINUTES); faults=$$?; \
	$(PY) -m tests.chaos.kills --minutes 6; kills=$$?; \
	$(PY) -m tests.chaos.flapping; exit $$((faults | kills))

format: .venv/.dev ## let ruff repair and format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock: ## write requirements/*.txt anew from pyproject.toml (ARGS=--upgrade: newest versions)
	requirements/lock $(ARGS)

clean: ## remove .venv and caches; what is in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

tools: # programs of the system that the suite starts: PostgreSQL, Chromium
	@.ci/tools

# The lock of dev includes that of base, so that `make run` after `make test` installs nothing.
.venv/.base: requirements/base.txt requirements/install
	@requirements/install base

.venv/.dev: requirements/dev.txt requirements/install
	@requirements/install dev
	@touch .venv/.base
