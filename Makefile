# Each line is one that a person could type. Needs python 3.11, make and git.
PYTHON := $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# networks need torch: `make test EXTRAS=dev,nets`, see README
EXTRAS ?= dev
# one thread a fit: two workers would only fight over the cores
export OMP_NUM_THREADS ?= 1

.PHONY: demo test check bench dev

demo: .venv/stamp
	$(BIN)/lepton run fraud_detection

test: .venv/stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/architecture

bench: .venv/stamp
	@for script in tests/benchmarks/bench_*.py; do $(BIN)/python $$script; done

dev: .venv/stamp
	DAGSTER_HOME="$(CURDIR)/.dagster" $(BIN)/dagster dev

.venv/stamp: pyproject.toml
	@test -n "$(PYTHON)" || { echo "python3.11 is not on the PATH" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	touch $@
