# Everything a person starts. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-strip-extras --no-header --no-emit-index-url
# uv installs in seconds what takes pip most of a minute.
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
SBOM ?= sbom.json
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1

.PHONY: help install run test test-services test-deploy lint ui docs drill sandbox bench-ingest bench-sources bench-models bench-publish bench-dashboard update-snapshots audit sbom lock clean

help: ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(BIN)/uv: requirements-install.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-install.txt
	@touch $@

$(VENV)/.installed: $(BIN)/uv requirements.txt pyproject.toml
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dashboard: $(VENV)/.installed requirements-dashboard.txt
	@echo "Installing the dashboard …"
	@$(INSTALL) --require-hashes -r requirements-dashboard.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing what the tests need …"
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

install: $(VENV)/.installed sandbox ## Install, and write the sandbox's database.

sandbox: $(VENV)/.installed
	@$(BIN)/inventory sandbox generate --if-missing

run: install ## Load, check, build and publish everything; print what happened.
	@$(BIN)/inventory run

test: $(VENV)/.installed-dev lint ## Check style and types, run the tests.
	@$(PYTEST) $(or $(TESTS),tests --ignore tests/e2e)

test-services: $(VENV)/.installed-dev ## Test whole runs of the platform, and its pages in a browser.
	@$(PYTEST) tests/e2e --timeout 1200

# In an environment of its own: Azure's resources are 155 MB of Python that nothing else needs.
$(VENV)-azure/.installed: $(BIN)/uv deploy/azure/requirements.txt
	@test -x $(VENV)-azure/bin/python || $(PYTHON) -m venv $(VENV)-azure
	@$(BIN)/uv pip install --quiet --python $(VENV)-azure/bin/python \
	  --require-hashes -r deploy/azure/requirements.txt
	@touch $@

test-deploy: $(VENV)-azure/.installed ## Check what is deployed to Azure, without an account.
	@cd deploy/azure && ../../$(VENV)-azure/bin/python -m pytest -q

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

ui: install $(VENV)/.installed-dashboard ## Open Dagster, the dashboard and the docs.
	@$(BIN)/inventory ui

docs: install ## Write the catalogue of figures, tables and columns.
	@$(BIN)/inventory docs

drill: install ## Back up, restore into an empty folder, and compare (after make run).
	@scripts/restore-drill.sh

bench-ingest: $(VENV)/.installed-dev ## Measure ingest against plain DuckDB COPY.
	@$(BIN)/python benchmarks/ingest.py

bench-sources: $(VENV)/.installed-dev ## Measure pages, files and streams against the plain engine.
	@$(BIN)/python benchmarks/rest.py
	@$(BIN)/python benchmarks/files.py
	@$(BIN)/python benchmarks/streams.py

bench-models: $(VENV)/.installed-dev ## Measure building the models and planning.
	@$(BIN)/python benchmarks/marts.py
	@$(BIN)/python benchmarks/planning.py

bench-publish: $(VENV)/.installed-dev ## Measure sending published marts to Postgres.
	@$(BIN)/python benchmarks/publish.py

bench-dashboard: $(VENV)/.installed-dev ## Measure the dashboard with 10 million order lines (after make run).
	@$(BIN)/python benchmarks/dashboard.py

update-snapshots: $(VENV)/.installed-dev ## Accept graph, public marts and generated pages as they are now.
	@$(BIN)/python -m inventory_platform.operations.generated_docs
	@$(BIN)/inventory powerbi
	@$(BIN)/python -m pytest --quiet tests/test_definitions.py --snapshot-update

$(VENV)/.installed-audit: $(BIN)/uv requirements-audit.txt
	@$(BIN)/uv venv --quiet $(VENV)/audit
	@$(BIN)/uv pip install --quiet --python $(VENV)/audit/bin/python --require-hashes -r requirements-audit.txt
	@touch $@

audit: $(VENV)/.installed-audit ## Look for known holes in everything that is installed; needs the network.
	@for file in requirements.txt requirements-dashboard.txt requirements-server.txt \
	  requirements-install.txt requirements-dev.txt deploy/azure/requirements.txt; do \
	  echo "$$file"; $(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r $$file || exit 1; \
	done

sbom: $(VENV)/.installed-dev ## Write sbom.json: what the platform is made of, as CycloneDX.
	@$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible -o $(SBOM)

lock: $(BIN)/uv ## Lock the requirements anew.
	$(LOCK) requirements-install.in -o requirements-install.txt
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dashboard.in -o requirements-dashboard.txt
	$(LOCK) requirements-server.in -o requirements-server.txt
	$(LOCK) deploy/azure/requirements.in -o deploy/azure/requirements.txt
	$(LOCK) -c requirements.txt -c requirements-dashboard.txt -c requirements-server.txt requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-audit.in -o requirements-audit.txt

clean: ## Remove the environment and all data the platform keeps.
	rm -rf $(VENV) $(VENV)-azure .data dbt_project/target dbt_project/logs
