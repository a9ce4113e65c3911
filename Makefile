# Everything a newcomer needs: `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# Two busy cores and two threads of BLAS or OpenMP each collapse; cores go to tasks instead.
export OMP_WAIT_POLICY ?= passive
export GOMP_SPINCOUNT ?= 0
export OPENBLAS_NUM_THREADS ?= 1

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11

.PHONY: run cluster test postgres chromium check format lint types contracts locks lock bench help clean

run: .venv/.runtime ## install what is locked, find prices, train, and serve on http://127.0.0.1:8000 (ARGS="--port 8001")
	@$(BIN)/nextclose serve $(ARGS)

cluster: .venv/.runtime ## add Dask to what is installed, for NEXTCLOSE_CLUSTER and `dask worker`
	@test -e .venv/.dev || $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/cluster.txt

# One worker more than the two cores: some tests wait, for a process, a browser or the next look at a clock.
test: .venv/.dev chromium ## the whole test suite
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

postgres: .venv/.dev ## what uses a store, on PostgreSQL instead of SQLite (TESTS=folders for some of it)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --database postgres $(TESTS)

# Never fails: without a browser its tests say at the end that they were skipped, and with CI set they fail.
chromium: ## Debian's Chromium for the browser tests, where it is missing and may be installed
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { command -v apt-get >/dev/null || exit 0; \
	  if [ "$$(id -u)" -eq 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else exit 0; fi; \
	  echo "Installing Chromium for the browser tests ..."; \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || true; }

check: .venv/.dev lint types contracts locks ## formatting, lint, types, import contracts, lock check

format: .venv/.dev ## rewrite to the house format
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

lint: .venv/.dev ## formatting and lint
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && echo "lint: ok"

types: .venv/.dev ## mypy, strict
	@$(BIN)/mypy

contracts: .venv/.dev ## who may import whom
	@$(BIN)/lint-imports --no-cache

locks: .venv/.dev ## say whether requirements/ still answers pyproject.toml
	@$(BIN)/python tests/house/locks.py

lock: $(filter .uv/bin/uv,$(UV)) ## resolve requirements/ anew (add ARGS=--upgrade for newer versions)
	$(COMPILE) pyproject.toml --all-extras --group admin --group build --group dev $(ARGS) -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra postgres --group build -c requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --all-extras --group build -c requirements/dev.txt -o requirements/cluster.txt
	$(COMPILE) --group admin -c requirements/dev.txt -o requirements/admin.txt

bench: .venv/.dev ## benchmarks: each prints its table (DATA=path for real prices)
	@for file in tests/benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file $(DATA) || exit 1; done

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

clean: ## remove the environment and what was written (prices, models, MLflow)
	rm -rf .venv .uv var trained_models/[0-9]* trained_models/champion.json .mypy_cache .ruff_cache .pytest_cache

# The environments. Each is what the lock says, hash by hash; the project itself is installed in place. Bytecode is
# compiled here once: without it every start of the program costs two seconds more on a machine that keeps none.
.uv/bin/uv: requirements/uv.txt
	@echo "Installing uv ..."
	@rm -rf .uv && $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<

.venv/bin/python: $(filter .uv/bin/uv,$(UV))
	@$(UV) venv --quiet --allow-existing --no-python-downloads --python ">=3.11" .venv

# What `make run` needs is known, and a third of what is installed: importing it once compiles that alone.
BYTECODE := env -u PYTHONDONTWRITEBYTECODE -u PYTHONPYCACHEPREFIX MLFLOW_DISABLE_TELEMETRY=true $(BIN)/python -W ignore -c
WEB := app.main, app.jobs.child, uvicorn.loops.uvloop, uvicorn.protocols.http.httptools_impl, apscheduler.schedulers.asyncio
LEARNING := app.training.contest.contest, sklearn.ensemble, sklearn.linear_model, xgboost, threadpoolctl, pyarrow.parquet
AFTERWARDS := mlflow.tracking, mlflow.store.tracking.sqlalchemy_store, mlflow.store.model_registry.sqlalchemy_store, yfinance

.venv/.runtime: requirements/runtime.txt pyproject.toml | .venv/bin/python
	@test -e .venv/.dev || { echo "Installing the locked packages ..."; $(UV) pip sync --quiet --python $(BIN)/python --require-hashes $< \
	  && $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . \
	  && { $(BYTECODE) "import $(WEB), $(AFTERWARDS)" & $(BYTECODE) "import $(LEARNING)" & wait; } }
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml | .venv/bin/python
	@echo "Installing the locked packages ..."
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $<
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch .venv/.runtime $@
