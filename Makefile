# `make run` serves, `make test` tests, `make check` lints. Only Python 3.11 or newer is needed.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-browser test-tooling test-clients test-fast soak fuzz bench bench-peers bench-gpu audit check lock clean

run: $(VENV)/standalone
	@exec $(BIN)/python -m standalone

# Three processes more than there are cores, but at most five; the tests of a file share servers. ARGS="-n 0" uses one process.
# Those of the playground in a Chromium are `make test-browser`, those of benchmarks, deployments and
# `make run` are `make test-tooling`.
# With bytecode, wherever it is off: no process would have to compile the service and its tests again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -p no:schemathesis --numprocesses auto --maxprocesses 5 --dist loadfile --no-loadscope-reorder
test: $(VENV)/dev $(VENV)/vocabulary
	$(PYTEST) -m "not browser and not tooling" $(ARGS)
	@echo "Further tests: make test-browser, test-tooling, test-clients."

test-browser: $(VENV)/dev
	$(PYTEST) -m browser $(ARGS)

test-tooling: $(VENV)/dev
	$(PYTEST) -m tooling $(ARGS)

# The packages that other services' users have installed, in a virtual environment of their own.
CLIENTS := .venv-clients
test-clients: $(VENV)/dev $(CLIENTS)/installed
	$(BIN)/python -m tests.packages $(CLIENTS)/bin/python $(ARGS)

$(CLIENTS)/installed: requirements/clients.txt tests/packages/package.json
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@if command -v npm >/dev/null; then cp tests/packages/package.json $(CLIENTS)/ \
		&& npm install --silent --no-audit --no-fund --prefix $(CLIENTS) \
		|| echo "Without the packages of npm: their tests are skipped."; fi
	@touch $@

# For quick feedback: the tests that need no model.
FAST := tests/common tests/api/request tests/api/answer tests/worker/batching tests/worker/net tests/worker/part
test-fast: $(VENV)/dev
	$(BIN)/python -m pytest -q -m "not service" --numprocesses 2 --dist loadfile $(FAST) $(ARGS)

# Every fault under load, repeated for MINUTES.
MINUTES ?= 30
soak: $(VENV)/dev
	$(BIN)/python -m tests.faults.report --minutes $(MINUTES)

# INPUTS mutated images against the decoder, EXAMPLES requests against the service.
INPUTS ?= 100000
EXAMPLES ?= 5000
SEED ?= 1
fuzz: $(VENV)/dev
	$(BIN)/python -m tests.fuzz.decoder --inputs $(INPUTS) --seed $(SEED)
	$(BIN)/python -m tests.fuzz.http --examples $(EXAMPLES) --seed $(SEED)

# The service compared with the bare model and with its peers.
bench: $(VENV)/bench
	$(BIN)/python -m bench $(ARGS)

# The peers, each in its own virtual environment. Downloads gigabytes.
PEERS := .venv-peers
bench-peers: $(PEERS)/litserve/installed $(PEERS)/infinity/installed

$(PEERS)/%/installed: requirements/bench-%.in
	$(PYTHON) -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# On a GPU, with a Python that has a CUDA build of torch: `make bench-gpu PYTHON=python3`. Downloads
# nothing; missing packages can be wheels in a folder: WHEELS=FOLDER.
bench-gpu:
	$(if $(WHEELS),$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
		--no-compile --upgrade --target $(PEERS)/gpu $(wildcard $(WHEELS)/*.whl))
	PYTHONPATH=$(abspath $(PEERS)/gpu):$$PYTHONPATH PATH=$(abspath $(PEERS)/gpu/bin):$$PATH \
		$(PYTHON) -m bench.gpu $(ARGS)

# Known vulnerabilities in the pinned versions, from an online database.
audit: $(VENV)/dev
	$(BIN)/python -m pip install --quiet pip-audit
	for name in api worker flower standalone tracing bench dev; do \
		$(BIN)/pip-audit --no-deps --disable-pip --strict -r requirements/$$name.txt || exit 1; \
	done

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/contract/test_imports.py

# A stamp for each set of requirements, so that `make run` does not install the tests' requirements.
INSTALL = $(BIN)/python -m standalone.install
$(VENV)/bench $(VENV)/dev: $(VENV)/%: requirements/%.txt | $(BIN)/python
	@$(INSTALL) "$<" -r $<
	@touch $@

# For a test: 1.5 MB, of which it reads CLIP's vocabulary. Its requirements (torchvision, timm) are not installed.
$(VENV)/vocabulary: requirements/vocabulary.txt | $(BIN)/python
	@$(INSTALL) "$<" --no-deps -r $<
	@touch $@

# With the command `clip-api`, whose own requirements have the versions of the tests.
$(VENV)/standalone: requirements/standalone.txt client/pyproject.toml | $(BIN)/python
	@echo "Installing torch, transformers, Celery, Flask and others into $(VENV), once."
	@echo "That is a download of about 200 MB, or of gigabytes where torch comes with CUDA."
	@$(INSTALL) packages -r $< -c requirements/dev.txt --editable "client[cli]"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed (found: $(PYTHON))" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV) with $(PYTHON) …"
	@$(PYTHON) -m venv $(VENV)

# Pin the versions of requirements/*.in, without torch's local build tag (+cpu).
lock: $(VENV)/dev
	$(BIN)/python -m pip install --quiet pip-tools
	for name in api worker flower standalone tracing bench dev clients; do \
		$(BIN)/pip-compile --quiet --strip-extras --no-header --annotation-style=line \
			--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
			--output-file requirements/$$name.txt requirements/$$name.in && \
		sed -i.bak -E 's/^(torch==[^+ ]+)\+[a-z0-9]+/\1/' requirements/$$name.txt && \
		rm requirements/$$name.txt.bak || exit 1; \
	done

clean:
	rm -rf $(VENV) $(PEERS) $(CLIENTS) bench/.models .mypy_cache .pytest_cache .ruff_cache .hypothesis
