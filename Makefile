# make demo, make test: each makes its own virtual environment when there is none. Needs Python 3.11 or 3.12, Java 17, a C++ compiler, make.

VENV ?= .venv
BIN := $(VENV)/bin
WAREHOUSE ?= warehouse
# A process a core, and a file of tests in one of them; each starts a Spark of its own.
WORKERS ?= -n auto --maxprocesses 4 --dist loadfile

.PHONY: help demo test test-all lint lint-deploy audit sbom clean
.DEFAULT_GOAL := help

help:           ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## */make \1 - /p' Makefile

demo: $(VENV)/installed  ## read the built-in sample of books, and print neighbours of War and Peace
	@deploy/check-machine.sh java
	$(BIN)/bookspace run --conf conf/sample.yaml --warehouse $(WAREHOUSE) --show "War and Peace"
	@printf '\n(bookspace is %s here; or activate the environment: . %s/activate)\n' '$(BIN)/bookspace' '$(BIN)'

test: $(VENV)/installed  ## all tests but the slow ones
	@deploy/check-machine.sh java browser
	$(BIN)/python -m pytest $(WORKERS)

test-all: $(VENV)/installed  ## all tests, and those that take minutes: a cluster, Airflow, a Thrift server
	@deploy/check-machine.sh java browser
	$(BIN)/python -m pytest $(WORKERS) --slow

lint: $(VENV)/installed  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-deploy: build/tools/installed  ## container files, manifests and scripts of deploy/, by their linters
	PATH="$(CURDIR)/build/tools/bin:$$PATH" deploy/lint.sh

audit: build/tools/installed  ## ask PyPI whether a pinned package has a known vulnerability
	build/tools/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt
	build/tools/bin/pip-audit --strict --no-deps --disable-pip -r deploy/airflow/requirements.txt

sbom: $(VENV)/installed build/tools/installed  ## bill of materials of the environment: build/sbom.json (CycloneDX)
	build/tools/bin/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --output-format JSON --output-file build/sbom.json

clean:          ## remove the virtual environment and the demo's tables
	rm -rf $(VENV) warehouse build

$(VENV)/installed: pyproject.toml constraints.txt
	@deploy/check-machine.sh java python
	python="$$(deploy/check-machine.sh find-python)" && "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

build/tools/installed: deploy/requirements-tools.txt
	@deploy/check-machine.sh python
	python="$$(deploy/check-machine.sh find-python)" && "$$python" -m venv build/tools
	build/tools/bin/python -m pip install --quiet --disable-pip-version-check -r deploy/requirements-tools.txt
	@touch $@
