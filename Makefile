# `make help` lists the targets. The environment lives in .venv; `setup` makes it and is skipped when up to date.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Byte code that is compiled once makes every later import about three times as fast.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
# Two processes, each of which takes whole files: most tests wait for a child, and a machine has two cores at least.
PYTEST := $(PYTHON) -m pytest -n 2 --dist loadfile
STAMP := .venv/.stamp
SOURCES := $(wildcard plugins localaws lambda training benchmarks scripts)
BENCHMARKS := $(patsubst benchmarks/%.py,benchmarks.%,$(shell grep -ls '__name__ == "__main__"' benchmarks/*.py))
CLIENTS := $(wildcard tests/functional/localaws/clients/*.in)

.PHONY: help setup demo up notebook-url params env test test-all test-gpu test-prod chaos check bench mwaa image-uris coverage lock clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv from the lock (Python 3.11), once

$(STAMP): requirements.txt scripts/setup.sh
	@scripts/setup.sh

demo: export NO_PARAMS := {}
demo: setup ## run the whole pipeline on this machine: train, deploy, load, update, report (CONF='{"epochs": 5}' for Params)
	@$(PYTHON) -m scripts.demo --conf "$${CONF:-$$NO_PARAMS}"

up: setup ## start localaws and Airflow with its UI; Ctrl-C stops both (UI_PORT=8080, AWS_PORT=4566)
	@$(PYTHON) -m scripts.up $(if $(UI_PORT),--ui-port $(UI_PORT)) $(if $(AWS_PORT),--aws-port $(AWS_PORT))

notebook-url: setup ## print an address that opens a notebook instance (NAME=musher-notebook), by your own AWS credentials
	@PYTHONPATH=plugins $(PYTHON) -m scripts.notebook_url $(NAME)

params: setup ## list the DAG's Params: names, defaults, what is allowed
	@PYTHONPATH=plugins $(PYTHON) -m scripts.params

env: setup ## print what to source to run Airflow's commands by hand (README)
	@$(PYTHON) -m scripts.env

test: check ## check, then every test that takes less than ten seconds
	$(PYTEST) -m "not slow"

test-all: check ## check, then every test, and the pipeline under a sample of faults
	$(PYTEST)
	$(PYTHON) -m benchmarks.chaos --sample 40 --limit-s 900

chaos: setup ## break each AWS call of the pipeline in each way, and compare what is left (docs/chaos.md)
	$(PYTHON) -m benchmarks.chaos

test-gpu: setup ## train, embed, search and predict on this machine's GPU; skipped where there is none
	$(PYTHON) -m pytest tests/gpu

test-prod: setup ## docker-compose.yaml's services as processes: a run with a worker killed and one drained
	$(PYTHON) -m pytest -m prod tests/prod

check: setup ## lint, format, types, and whether each production service can be imported
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy $(SOURCES)
	.venv/bin/cfn-lint infra/bootstrap.yaml infra/functions.yaml infra/notebooks.yaml infra/reaping.yaml infra/auditing.yaml
	$(PYTHON) -m scripts.entry_points

bench: setup ## run each benchmark; the last line of each is a JSON object
	@for module in $(BENCHMARKS); do echo "== $$module"; $(PYTHON) -m $$module; done

mwaa: setup ## write var/mwaa for Amazon MWAA: DAGs, plugins.zip, requirements.txt, startup.sh (needs MUSHER_ACCOUNT_ID)
	@PYTHONPATH=plugins $(PYTHON) -m scripts.mwaa

image-uris: setup ## write the addresses of AWS's training images anew, from SageMaker's SDK
	PYTHONPATH=plugins $(PYTHON) -m scripts.update_image_uris

coverage: setup ## write README's table of what localaws does, from localaws/coverage.py
	$(PYTHON) -m scripts.coverage

lock: setup ## resolve requirements*.in again, at the versions that still fit
	$(PYTHON) -m uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --constraints constraints.txt requirements.in --output-file requirements.txt
	$(PYTHON) -m uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --constraints constraints.txt --constraints requirements.txt \
	  requirements-production.in --output-file requirements-production.txt
	@for file in $(CLIENTS:.in=); do \
	  $(PYTHON) -m uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" $$file.in --output-file $$file.txt; done

clean: ## remove var/ and all caches
	rm -rf var .pytest_cache .mypy_cache .ruff_cache
	find . -name .venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf .venv
