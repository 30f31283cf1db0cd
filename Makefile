# Two commands for a fresh machine: `make demo` and `make test`. Both set up what they need in .venv.
PYTHON ?= python3
VENV := .venv
INSTALL := $(VENV)/bin/python -m pip install --quiet --constraint constraints.txt

.PHONY: demo test test-fast lint docs clean

demo: $(VENV)/demo.stamp
	$(VENV)/bin/stream-unmask demo

# The tests fill the cores by themselves: more threads in each would only wait for each other.
test test-fast: export OMP_NUM_THREADS = 1

test: $(VENV)/dev.stamp lint
	$(VENV)/bin/python -m pytest -n auto --dist loadfile --durations=20

# While working: all but the slow tests, on all cores.
test-fast: $(VENV)/dev.stamp
	$(VENV)/bin/python -m pytest -q -n auto --dist loadfile -m "not slow"

lint: $(VENV)/dev.stamp
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/docs.stamp
	$(VENV)/bin/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site .rig .rig.lock .rig.part

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml constraints.txt hatch_build.py | $(VENV)/bin/python
	@echo "Setting up in $(VENV): this takes some minutes once."
	$(INSTALL) --editable '.[demo]'
	touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt hatch_build.py | $(VENV)/bin/python
	@echo "Setting up in $(VENV): this takes some minutes once."
	$(INSTALL) --editable '.[dev]'
	touch $@

$(VENV)/docs.stamp: pyproject.toml constraints.txt hatch_build.py | $(VENV)/bin/python
	$(INSTALL) --editable '.[docs]'
	touch $@
