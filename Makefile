# The whole daily vocabulary: make help, run, test, lint, format, bench.
# Every target does its own set-up first and skips what has not changed.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run setup test test-python test-sqlite test-postgres test-frontend test-browser test-ray test-models \
        lint lint-python lint-frontend types contracts schema-check format bench bench-short bench-peers bench-rooms bench-bounds chaos chaos-collab soak-collab histories screenshots lock schema clean

# The Python the environment is made with: the first of these that is 3.11 or newer. 3.14 comes last
# because the bundled Valkey has no wheel for it yet.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo "$$p" && exit; done; \
	for p in python3.14 python3; do "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && exit; done; \
	echo no-python-3.11)
SETUP := $(PYTHON) -m infra.setup
NPM := $(SETUP) npm
BIN := .venv/bin

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -e 's/:.*## /|/' | awk -F'|' '{ printf "  make %-16s %s\n", $$1, $$2 }'

need-python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "SAGE Studio needs Python 3.11 or newer, and none was found. Install one, or name it: make run PYTHON=/path/to/python3.12"; exit 1; }

run: need-python ## start SAGE Studio and print its address
	@$(SETUP) run
	@exec $(BIN)/sage-studio up

setup: need-python ## prepare everything that run, test and lint need
	@$(SETUP) test

test: need-python ## all tests: SQLite, PostgreSQL + Valkey, front end, browser
	@$(SETUP) test
	@$(BIN)/python -m infra.testing all

test-python: need-python ## Python tests on SQLite, then on PostgreSQL + Valkey
	@$(SETUP) python
	@$(BIN)/python -m infra.testing sqlite postgres

test-sqlite: need-python ## Python tests on SQLite
	@$(SETUP) python
	@$(BIN)/python -m infra.testing sqlite

test-postgres: need-python ## Python tests on PostgreSQL + Valkey
	@$(SETUP) python
	@$(BIN)/python -m infra.testing postgres

test-frontend: need-python ## front-end tests, types and lint
	@$(SETUP) dev
	@$(NPM) run lint
	@$(BIN)/python -m infra.testing frontend

test-browser: need-python ## three people in a real browser
	@$(SETUP) test
	@$(BIN)/python -m infra.testing browser

test-ray: need-python ## the executor for Ray, on a real cluster (fetches 200 MB)
	@$(SETUP) python
	@$(BIN)/python -m infra.testing ray

test-models: need-python ## nodes with a real ChromaDB, MiniLM, SAGE, a Kafka broker … (fetches 850 MB)
	@$(SETUP) python
	@$(BIN)/python -m infra.testing models

lint: need-python ## lint, types, import contracts, for Python and the front end
	@$(SETUP) dev
	@$(MAKE) --no-print-directory lint-python types contracts lint-frontend schema-check

lint-python:
	@$(SETUP) lock-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy
	cd apps/engine && ../../$(BIN)/mypy

contracts:
	$(BIN)/lint-imports

lint-frontend:
	@$(NPM) run lint

schema-check:
	@$(BIN)/python -m infra.schema --check

format: need-python ## put code into its standard form
	@$(SETUP) dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	@$(NPM) run format

bench: need-python ## measure, beside the targets: a table, and JSON in .cache/bench
	@$(SETUP) test
	@$(BIN)/python -m tests.benchmarks

bench-short: need-python
	@$(SETUP) test
	@$(BIN)/python -m tests.benchmarks --short

chaos: need-python ## kill and freeze the product's parts under load: MINUTES=30 SEED=1 MODE=both
	@$(SETUP) test
	@$(BIN)/python -m infra.chaos --minutes $(or $(MINUTES),30) --seed $(or $(SEED),1) --mode $(or $(MODE),both)

chaos-collab: need-python ## kill web, PostgreSQL and Redis under live documents: KILLS=500 SEED=1 MODE=both
	@$(SETUP) python
	@$(BIN)/python -m infra.chaos.rooms --kills $(or $(KILLS),500) --seed $(or $(SEED),1) --mode $(or $(MODE),both)

soak-collab: need-python ## a long day of one room at full speed: EDITS=172800 SEED=1
	@$(SETUP) python
	@$(BIN)/python -m infra.chaos.rooms.soak --edits $(or $(EDITS),172800) --seed $(or $(SEED),1)

histories: need-python ## random concurrent histories of a flow, by both CRDT libraries: COUNT=5000 SEED=1
	@$(SETUP) test
	@$(BIN)/python -m tests.flow.histories --count $(or $(COUNT),5000) --seed $(or $(SEED),1)

bench-peers: need-python ## measure Node-RED, LangGraph, DBOS and Prefect at the same work, beside us
	@$(SETUP) test
	@$(BIN)/python -m tests.benchmarks.peers

bench-rooms: need-python ## measure Hocuspocus and y-websocket-server with the client that measures our rooms
	@$(SETUP) test
	@$(BIN)/python -m tests.benchmarks.rooms_peers

bench-bounds: need-python ## rooms in three processes while hints go missing: until all are equal, until a role counts
	@$(SETUP) python
	@$(BIN)/python -m tests.benchmarks.rooms_bounds --rounds $(or $(ROUNDS),200) --changes $(or $(CHANGES),20)

screenshots: need-python ## take the README's pictures anew
	@$(SETUP) test
	@$(BIN)/python -m tests.browser.screenshots

schema: need-python ## write the OpenAPI schema and the typed client made from it
	@$(SETUP) dev
	@$(BIN)/python -m infra.schema

lock: need-python ## resolve dependencies again and write the lock files
	@$(SETUP) python
	@$(SETUP) lock

clean: ## remove what can be made again (your data in .data stays)
	rm -rf .venv .cache frontend/node_modules frontend/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
