# make demo, make test: each makes its own virtual environment when there is none. Needs Python 3.11 or 3.12, Java 17, a C++ compiler, make.

VENV ?= .venv
BIN := $(VENV)/bin
WAREHOUSE ?= warehouse

.PHONY: help demo test test-all lint clean
.DEFAULT_GOAL := help

help:           ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## */make \1 - /p' Makefile

demo: $(VENV)/installed  ## read the built-in sample of books, and print neighbours of War and Peace
	@deploy/check-machine.sh java
	$(BIN)/bookspace run --conf conf/sample.yaml --warehouse $(WAREHOUSE) --show "War and Peace"
	@printf '\n(bookspace is %s here; or activate the environment: . %s/activate)\n' '$(BIN)/bookspace' '$(BIN)'

test: $(VENV)/installed  ## all tests but the slow ones
	@deploy/check-machine.sh java browser
	$(BIN)/python -m pytest

test-all: $(VENV)/installed  ## all tests, and those that take minutes: a cluster, Airflow, a Thrift server
	@deploy/check-machine.sh java browser
	$(BIN)/python -m pytest --slow

lint: $(VENV)/installed  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:          ## remove the virtual environment and the demo's tables
	rm -rf $(VENV) warehouse

$(VENV)/installed: pyproject.toml constraints.txt
	@deploy/check-machine.sh java python
	python="$$(deploy/check-machine.sh find-python)" && "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
