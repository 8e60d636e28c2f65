# Freeze Lab. `make run` opens the dashboard, `make check` runs all checks of CI.
PORT ?= 8501
WORKERS ?= 2
PYTHON ?= $(firstword $(foreach each,python3.11 python3.12 python3.13 python3,$(shell command -v $(each))))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run test check lint types contracts format docs wheel constraints claims clean
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

test: $(VENV)/.dev chromium   ## unit, app and browser tests (ARGS="-k proof", WORKERS=0)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

format: $(VENV)/.dev
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: $(VENV)/.dev         ## generate the reference pages from the code
	@$(BIN)/python docs/reference.py

wheel: $(VENV)/.dev        ## dist/freeze_lab-VERSION-py3-none-any.whl
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

constraints: $(VENV)/.dev  ## record the installed versions
	@{ echo "# Every version that has been tested together; regenerate with 'make constraints'."; \
	   $(BIN)/python -m pip freeze | sed 's/+cpu//'; } > constraints.txt

claims: $(VENV)/.run       ## run the tests of the claims in the Guide (ARGS=--ship records them)
	@$(BIN)/python -m mtl_core claims $(ARGS)

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

.PHONY: chromium
chromium: $(VENV)/.dev
	@bash tests/browser/install_chromium.sh $(BIN)/python

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Freeze Lab needs Python 3.11 or newer; no python3 is on the PATH." >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Freeze Lab needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" -V 2>&1 | cut -d" " -f2)." >&2; \
	  echo "Install one and pass its path: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Creating $(VENV) with $(PYTHON) …"
	@"$(PYTHON)" -m venv $(VENV) || { \
	  echo "This Python cannot create a virtual environment; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 2; }
	@$(PIP) pip==26.1.2   # an older one installs source packages in a way that no longer works
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.txt constraints.txt
	@echo "Installing the dependencies (about a minute the first time) …"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	@echo "Installing the development tools …"
	@$(PIP) -r requirements-dev.txt
	@touch $@
