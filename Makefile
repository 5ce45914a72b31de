# textvae: `make help` lists the targets. The environment is .venv; nothing outside this folder is changed.

PYTHON ?= python3
# Which build of PyTorch: pip (what pip's own configuration offers, default), cpu, or a CUDA build as cu130.
TORCH ?= pip
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode
TORCH_SPEC := torch>=2.6

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-zh test test-slow check fmt bench bench-record docs clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready  ## Create .venv with everything (TORCH=cpu or TORCH=cu130 chooses PyTorch's build)

# torch first: by pip, a build that the machine itself provides (find-links) wins over the index's.
$(VENV)/.ready: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
ifeq ($(TORCH),pip)
	@$(BIN)/python -c "import torch" 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps "$(TORCH_SPEC)" 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH_SPEC)"
else
	@$(UV) --torch-backend $(TORCH) "$(TORCH_SPEC)"
endif
	@$(UV) --editable . --group dev
	@touch $@

demo: setup  ## Train on the embedded English corpus and show the story (under 5 minutes)
	@$(BIN)/textvae demo --overwrite

demo-zh: setup  ## The same in Chinese
	@$(BIN)/textvae demo --chinese --overwrite

test: setup  ## The fast tests (under 2 minutes)
	@$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal -m "not slow"

test-slow: setup  ## The tests that take minutes
	@$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal -m slow

check: setup  ## Format, lint, types, layers
	@$(BIN)/ruff format --check --quiet . || (echo "run 'make fmt'" && false)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ty check --quiet
	@$(BIN)/lint-imports --no-cache > .import-linter.log 2>&1 || (cat .import-linter.log && false)
	@rm -f .import-linter.log
	@echo "check: format, lint, types and layers are in order"

fmt: setup  ## Format the code and mend what lint can mend
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: setup  ## Time the core against the baseline, and its ratios against the recorded ones (under 10 minutes)
	@rm -f benchmarks/build/speed.json
	@$(BIN)/python -m benchmarks.speed --short --json benchmarks/build/speed.json
	@$(BIN)/python -m benchmarks.speed.check benchmarks/build/speed.json

bench-record: setup  ## Measure all of docs/performance.md anew, on a quiet machine (about an hour)
	@rm -f benchmarks/speed/recorded.json benchmarks/growth/record.jsonl
	@$(BIN)/python -m benchmarks.speed --json benchmarks/speed/recorded.json
	@$(BIN)/python -m benchmarks.speed.document
	@$(BIN)/python -m benchmarks.growth

docs: setup  ## Build the documentation into docs/_build
	@$(UV) --group docs
	@$(BIN)/python docs/tree.py
	@$(BIN)/python -m sphinx -q -W -b html docs docs/_build

clean:  ## Remove the environment and what was built
	@rm -rf $(VENV) docs/_build .ruff_cache
