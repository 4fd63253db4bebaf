# make run    set up what is missing, then start the bot of config.yaml
# make test   set up what is missing, then every check that a change must pass
# make test-servers   the same on Redis, Postgres and BullMQ, which must be installed
# make soak   the long form of the tests
# make docs   build the documentation's pages into build/site
# make bench  measure; see benchmarks/README.md
# make clean  remove what the others made, but no data

PYTHON ?= python3
VENV ?= .venv
CONFIG ?= config.yaml

bin := $(VENV)/bin
pip := $(bin)/python -m pip --disable-pip-version-check --quiet
projects := pyproject.toml plugins/aurora/pyproject.toml plugins/client_ai/pyproject.toml
editable := $(addprefix -e ,. plugins/aurora plugins/client_ai)
# "|| true": make speaks for itself when a command is not found.
is_new_enough = $(shell ($(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11))') 2>/dev/null || true)
is_what = $(shell ($(PYTHON) --version) 2>&1 || true)

.PHONY: run test test-servers soak docs bench clean
.DELETE_ON_ERROR:
# Without bytecode each of the hundreds of processes that the tests start would compile auzap anew.
unexport PYTHONDONTWRITEBYTECODE

run: $(VENV)/.installed
	@$(bin)/auzap run --config $(CONFIG)

test: $(VENV)/.installed-dev
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports --no-logo
	$(bin)/pytest -m "not soak and not servers" -n 4 --dist worksteal --cov --cov-report=term --cov-fail-under=90

test-servers: $(VENV)/.installed-dev
	$(bin)/pytest -m "servers and not soak" -n 4 --dist worksteal

soak: $(VENV)/.installed-dev
	$(bin)/pytest -m soak

docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build --strict

bench: $(VENV)/.installed-dev
	$(bin)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(bin)/python:
	$(if $(filter True,$(is_new_enough)),,$(error auzap needs Python 3.11 or newer, but $(PYTHON) says: $(is_what). Name another, as in: make run PYTHON=python3.12))
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(bin)/python $(projects) constraints.txt
	@echo "Installing auzap and its two assistants into $(VENV)"
	@$(pip) install --upgrade "pip>=25.1"
	@$(pip) install --constraint constraints.txt $(editable)
	@touch $@

# pip knows dependency groups since 25.1.
$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the checks need"
	@$(pip) install --constraint constraints.txt -e ".[postgres,bullmq]" --group dev
	@touch $@
