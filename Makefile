# Two commands set everything up on a machine that has Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_VERSION := 2.13.0

# On Linux without an NVIDIA driver only the CPU build of torch is asked for, so that no CUDA package is ever pulled.
# What torch depends on comes from the usual index with the rest.
NO_GPU := $(shell [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1 && echo yes)
ifeq ($(NO_GPU),yes)
TORCH := torch==$(TORCH_VERSION)+cpu --extra-index-url https://download.pytorch.org/whl/cpu
else
TORCH := torch==$(TORCH_VERSION)
endif
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test check format docs report clean
help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "codeward needs Python 3.11 or newer, and $(PYTHON) is older; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: $(BIN)/python constraints.txt
	@echo "Installing torch ($(if $(NO_GPU),CPU build,default build)) and Codeward into $(VENV)"
	$(PIP) --no-deps --retries 1 $(TORCH)
	@touch $@

$(VENV)/.codeward: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.codeward

$(VENV)/.docs: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/.codeward

demo: $(VENV)/.codeward ## Backdoor a code model and measure it, on real code; writes demo/report.html.
	$(BIN)/codeward demo --output demo

test: $(VENV)/.dev ## Run all tests.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

check: $(VENV)/.dev ## Run the linters and the type checker.
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(VENV)/.dev ## Format the code.
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

docs: $(VENV)/.docs ## Write the generated pages and the site; start with site/index.html.
	$(BIN)/python tools/reference.py
	$(BIN)/python tools/tables.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The site is in site/index.html; its search needs a server: $(BIN)/python -m http.server -d site"

clean: ## Remove the environment and what demo and docs wrote.
	rm -rf $(VENV) demo site
