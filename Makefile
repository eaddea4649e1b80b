# Loanflow. `make` or `make help` lists the targets. Needs python3 (3.11 or later) and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
PIP := $(VENV_PYTHON) -m pip --disable-pip-version-check --no-input
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-annotate --no-header --overrides requirements.overrides

# Installs a lock: a line each ten packages, and pip's errors when it fails.
define INSTALL
echo "installing $(1) (the first time takes a minute)"; \
{ $(PIP) install --no-deps --require-hashes --requirement $(1) 2>&1 || echo "pip failed"; } | awk ' \
	/^(Collecting|Processing)/ { if (++n % 10 == 0) print "  " n " packages found"; fflush() } \
	/^Installing collected/ { print "  unpacking " n " packages"; fflush() } \
	/^ *(ERROR|error)/ { print } \
	/^pip failed/ { failed = 1 } \
	END { exit failed }'
endef

# Named by the content of the lock: another lock is another file, which is made by installing it.
RUN_STAMP := $(VENV)/.run-$(shell cksum < requirements.lock | tr ' ' '-')
DEV_STAMP := $(VENV)/.dev-$(shell cksum < requirements-dev.lock | tr ' ' '-')
MUTATION_STAMP := $(VENV)/.mutation-$(shell cksum < requirements-mutation.lock | tr ' ' '-')

.PHONY: help setup run demo test test-slow test-deep coverage check mutation lock clean-data

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(RUN_STAMP) ## Make the environment .venv from the hashed lock
	@echo "ready: $(VENV_PYTHON)"

run: $(RUN_STAMP) ## Start everything, play one life of a credit, stay up until Ctrl-C
	@exec $(VENV_PYTHON) starter.py run

demo: $(RUN_STAMP) ## Start everything, play the story, stop; fails if a step is not as expected
	@exec $(VENV_PYTHON) starter.py demo

PYTEST := $(VENV_PYTHON) -m pytest
PARALLEL := --numprocesses=auto
PROFILE ?= quick
EXAMPLES ?= 1000
MEASURE ?= $(VENV_PYTHON)

test: $(DEV_STAMP) ## Run tests of every kind, in ten minutes (ARGS="-k name" chooses among all)
ifdef ARGS
	@$(PYTEST) $(ARGS)
else
	@$(MEASURE) -m pytest $(PARALLEL) -m "not slow" --hypothesis-profile=$(PROFILE)
endif

test-slow: $(DEV_STAMP) ## Run what `make test` leaves out, and workflows without their cache
	@$(MEASURE) -m pytest $(PARALLEL) -m "slow and not alone" --hypothesis-profile=$(PROFILE)
	@WORKFLOW_CACHE=0 $(MEASURE) -m pytest --numprocesses=2 --timeout=900 tests/workflows
	@LOANFLOW_FAULTS_OF_EACH=2 $(MEASURE) -m pytest tests/faults -m "not alone"
	@$(PYTEST) -m alone

test-deep: $(DEV_STAMP) ## Try every property and every client with 1,000 random examples (EXAMPLES=10000)
	@LOANFLOW_HYPOTHESIS_EXAMPLES=$(EXAMPLES) $(PYTEST) $(PARALLEL) -m hypothesis \
		--hypothesis-profile=deep --timeout=3600 $(ARGS)

LAYERS := domain messages workflows activities services providers storage api runtime local sandbox vision

coverage: $(DEV_STAMP) ## Run test and test-slow and print how much of each layer they reach
	@rm -rf .local/coverage && mkdir -p .local/coverage
	@$(MAKE) --no-print-directory test test-slow MEASURE="$(VENV_PYTHON) -m coverage run"
	@$(VENV_PYTHON) -m coverage combine --quiet
	@for layer in $(wildcard $(LAYERS)) .; do \
		printf '%-12s %6s %%\n' $$layer \
			$$($(VENV_PYTHON) -m coverage report --include="$$layer/*" --format=total); \
	done

check: $(DEV_STAMP) ## Lint, formatting, strict types and import rules
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy .
	@$(VENV_PYTHON) -c 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())'

mutation: $(MUTATION_STAMP) ## Mutate the money engine, an hour or more (ARGS="domain.pricing.rates.*" chooses)
	@rm -rf .local/mutation && mkdir -p .local/mutation
	@cp -R domain tests pyproject.toml .local/mutation
	@cd .local/mutation && $(CURDIR)/$(VENV)/bin/mutmut run $(ARGS)
	@cd .local/mutation && $(CURDIR)/$(VENV)/bin/mutmut results --all true | awk -F '[ .:]+' ' \
		/: not checked$$/ { next } \
		/^ *domain\./ { total[$$3]++; all++ } \
		/^ *domain\..*: (killed|timeout|segfault)$$/ { killed[$$3]++; dead++ } \
		END { \
			for (name in total) \
				printf "%-20s %4d of %4d killed  %5.1f %%\n", \
					name, killed[name], total[name], 100 * killed[name] / total[name] | "sort"; \
			close("sort"); \
			printf "%-20s %4d of %4d killed  %5.1f %%\n", "all", dead, all, 100 * dead / all; \
			exit 100 * dead < 85 * all \
		}'

lock: $(VENV)/.created ## Write the hashed locks anew from requirements*.in
	@$(PIP) install --quiet uv
	@$(LOCK) requirements.in --output-file requirements.lock
	@$(LOCK) requirements-dev.in --constraint requirements.lock --output-file requirements-dev.lock
	@$(LOCK) requirements-bench.in --constraint requirements.lock --output-file requirements-bench.lock
	@$(LOCK) requirements-mutation.in --constraint requirements-dev.lock \
		--output-file requirements-mutation.lock

clean-data: ## Delete the databases, keys and logs of the local stack, without asking
	@$(PYTHON) -m local.clean

$(RUN_STAMP): $(VENV)/.created
	@$(call INSTALL,requirements.lock)
	@rm -f $(VENV)/.run-*
	@touch $@

$(DEV_STAMP): $(VENV)/.created
	@$(call INSTALL,requirements-dev.lock)
	@rm -f $(VENV)/.dev-*
	@touch $@

$(MUTATION_STAMP): $(DEV_STAMP)
	@$(call INSTALL,requirements-mutation.lock)
	@rm -f $(VENV)/.mutation-*
	@touch $@

# Over an environment that is there already this repairs it and takes nothing out.
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { \
		echo "$(PYTHON) is not installed; Python 3.11 or later is needed" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1);" \
			"choose one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "cannot make $(VENV): on Debian and Ubuntu, install python3-venv" >&2; exit 1; }
	@touch $@
