# `make demo` and `make test` set up .venv when it is not there yet.
PYTHON ?=
BIN := .venv/bin
REQUIREMENTS := $(wildcard requirements/*.txt)

.PHONY: demo test
demo: .venv/.ready
	$(BIN)/python tools/demo.py

test: .venv/.ready
	$(BIN)/python -m pytest tests -n auto --maxprocesses 4

.venv/.ready: $(REQUIREMENTS) .dev_scripts/setup_env.sh
	@PYTHON=$(PYTHON) .dev_scripts/setup_env.sh
