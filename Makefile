# Freeze Lab. `make run` opens the dashboard, `make check` runs everything that CI runs.
PORT ?= 8501
PYTHON ?= $(firstword $(foreach each,python3.11 python3.12 python3.13 python3,$(shell command -v $(each))))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run test check lint types contracts format docs constraints claims clean
.DEFAULT_GOAL := run

run: $(VENV)/.run          ## open the dashboard (PORT=8600 serves elsewhere)
	@$(BIN)/python -m mtl_core serve --port $(PORT)

check: lint types contracts test   ## what CI runs

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy

contracts: $(VENV)/.dev
	@$(BIN)/lint-imports

test: $(VENV)/.dev chromium   ## unit, app and browser tests
	@$(BIN)/python -m pytest $(ARGS)

format: $(VENV)/.dev
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: $(VENV)/.dev         ## the reference pages, from the code
	@$(BIN)/python docs/reference.py

constraints: $(VENV)/.dev  ## write down the versions now installed
	@{ echo "# Every version that has been tested together; regenerate with 'make constraints'."; \
	   $(BIN)/python -m pip freeze | sed 's/+cpu//'; } > constraints.txt

claims: $(VENV)/.run       ## run what tests the claims of the guide (ARGS=--ship writes it down)
	@$(BIN)/python -m mtl_core claims $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

.PHONY: chromium
chromium: $(VENV)/.dev
	@bash tests/browser/install_chromium.sh $(BIN)/python

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Freeze Lab needs Python 3.11 or newer; no python3 is on the PATH." >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Freeze Lab needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" -V 2>&1 | cut -d" " -f2)." >&2; \
	  echo "Install one and name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Making $(VENV) with $(PYTHON) …"
	@"$(PYTHON)" -m venv $(VENV) || { \
	  echo "This Python cannot make a virtual environment; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 2; }
	@$(PIP) pip==26.1.2   # an older one installs source packages in a way that no longer works
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.txt constraints.txt
	@echo "Installing what Freeze Lab runs on (about a minute the first time) …"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	@echo "Installing what the checks need …"
	@$(PIP) -r requirements-dev.txt
	@touch $@
