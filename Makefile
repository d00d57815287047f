# Every target makes what it needs: a virtual environment in .venv and, for the tests, programs.
# A file .venv/.<extra> says that the environment has the packages of that extra.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Two workers, a file to each at a time; ARGS='-n 0' runs the tests one after the other, and shows what they print with -s
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
# Where the tools for scripts are, and the Node that they run on
SCRIPTS := tests/javascript
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: help run test test-two test-long test-ship attacks dist lock check bench clean

help:
	@echo "make run    start the demo on http://localhost:8000         (ARGS='--port 9000')"
	@echo "make test   run all tests with real parts and a real browser (ARGS='-k inbox')"
	@echo "make test-two   the tests of the API and of other people's clients, with every server in two processes"
	@echo "make test-long  more rounds of every fault, and 100,000 steps of the simulation"
	@echo "make attacks    what a single stranger can try, and what everybody else feels of it (ARGS='--only redaction')"
	@echo "make check  ruff and mypy; tsc and ESLint for what runs in browsers"
	@echo "make bench  measure, beside other servers"
	@echo "make dist   wheel, source and binaries of a release, in dist/"
	@echo "make test-ship  make dist, and try each form of it where nothing else is"
	@echo "make lock   the exact packages of a release, with their hashes, anew"
	@echo "make clean  remove the virtual environment and what tools left behind"

run: $(VENV)/.run node_modules/socket.io-client
	$(BIN)/python run.py --demo $(ARGS)

test: $(VENV)/.test node_modules/socket.io-client
	$(BIN)/python -m tests.install
	$(PYTEST) $(ARGS)

test-two: $(VENV)/.test node_modules/socket.io-client
	$(BIN)/python -m tests.install
	$(PYTEST) --processes=2 tests/api tests/interop $(ARGS)

test-long: $(VENV)/.test node_modules/socket.io-client
	REPLYX_ROUNDS=10 REPLYX_STORIES=2400 $(PYTEST) tests/simulation tests/chaos $(ARGS)

check: $(VENV)/.dev $(SCRIPTS)/node_modules/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict replyx handlers run.py
	$(BIN)/python -m tests.javascript.wire $(SCRIPTS)/wire.d.ts
	$(WITH_NODE) $(SCRIPTS)/node_modules/.bin/tsc -p $(SCRIPTS)
	$(WITH_NODE) $(SCRIPTS)/node_modules/.bin/tsc -p $(SCRIPTS)/tsconfig.worker.json
	$(WITH_NODE) $(SCRIPTS)/node_modules/.bin/eslint --config $(SCRIPTS)/eslint.config.js static tests

attacks: $(VENV)/.test
	$(BIN)/python -m tests.attacks $(ARGS)

dist: node_modules/socket.io-client | $(BIN)/python
	$(BIN)/python packaging/release.py

test-ship: dist $(VENV)/.test
	$(BIN)/python -m tests.install
	$(BIN)/python -m pytest tests/ship $(ARGS)

lock: $(VENV)/.dev
	$(BIN)/python -m uv pip compile setup.cfg --extra postgres --generate-hashes --universal --python-version 3.11 \
		--no-header --quiet --upgrade --output-file packaging/requirements.lock

bench: $(VENV)/.bench
	$(BIN)/python -m tests.bench $(ARGS)

clean:
	rm -rf $(VENV) $(SCRIPTS)/node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What /socket.io/socket.io.js serves. Where npm is missing, or nothing can be fetched, all the rest still runs.
.PHONY: node_modules/socket.io-client
node_modules/socket.io-client:
	@test -e $@/dist/socket.io.js || PATH="$$PATH:$(CURDIR)/$(BIN)" npm install --no-save --no-package-lock \
		--no-audit --no-fund --ignore-scripts --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=2000 \
		--fetch-timeout=20000 --prefix . socket.io-client@4 || \
		echo "The stock Socket.IO client could not be fetched: /socket.io/socket.io.js will not be there."

$(SCRIPTS)/node_modules/.installed: $(SCRIPTS)/package.json $(VENV)/.dev
	$(WITH_NODE) npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error --prefix $(SCRIPTS)
	touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ReplyX needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test $(VENV)/.dev $(VENV)/.bench: $(VENV)/.%: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@
