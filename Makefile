# Everything is installed into this folder, on first use: .venv, node_modules, .tools.
.PHONY: help demo test proof check check-deep check-fast fix synth docs docs-serve prose bench lock clean
.NOTPARALLEL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHON
# Every process would compile the project's own modules again.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PROSE := README.md CONTRIBUTING.md CHANGELOG.md docs lines examples .tools/docstrings.md
CODE := $(wildcard app.py assembly_line demo stacks lambdas glue_jobs lines examples benchmarks tests tools)

help:  ## show what there is
	@awk -F ':  ## ' '/^[a-z-]+:  ## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo:  ## run the whole line in an embedded AWS, on public data (no account)
	@tools/install.sh demo
	@$(BIN)/line demo

test:  ## run all tests
	@tools/install.sh test
	@JAVA_HOME="$(CURDIR)/.tools/java" $(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder

proof:  ## judge a recorded run by the templates of three environments (no account)
	@tools/install.sh test
	@JAVA_HOME="$(CURDIR)/.tools/java" $(BIN)/line --state .line/proof proof --record --for embedded --for dev --for prod

check:  ## check-fast, security rules over the stacks, prose, the documentation site, the proof, then all tests
	@$(MAKE) check-fast
	@$(MAKE) synth
	@$(MAKE) prose
	@$(MAKE) docs
	@$(MAKE) proof
	@$(MAKE) test

check-deep:  ## check, then break all that the proof judges; a referee judges the policies too
	@$(MAKE) check
	@$(BIN)/line --state .line/proof proof --mutate --for embedded --for dev --for prod
	@LINE_STATE="$(CURDIR)/.line/proof" $(BIN)/python -m pytest tests/deep

check-fast:  ## format, lint, types, imports
	@tools/install.sh test
	@$(BIN)/ruff format --check --quiet $(CODE) README.md docs
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports --no-logo

fix:  ## format, and correct what the linter can
	@tools/install.sh test
	@$(BIN)/ruff check --quiet --fix $(CODE) || true
	@$(BIN)/ruff format --quiet $(CODE) README.md docs
	@$(BIN)/ruff check $(CODE)

synth:  ## synthesize the stacks into cdk.out, under cdk-nag's rules
	@tools/install.sh demo
	@.tools/bin/cdk synth --quiet -c nag=true

docs:  ## build the documentation site into site/; a broken link fails
	@tools/install.sh docs
	@$(BIN)/python -m tools.documentation site

docs-serve:  ## show the documentation site on this machine, rebuilt as you write
	@tools/install.sh docs
	@$(BIN)/python -m tools.documentation pages
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict --dev-addr 127.0.0.1:8000

prose:  ## lint the English of README, CONTRIBUTING and docs/
	@tools/install.sh docs
	@$(BIN)/python -m tools.documentation pages
	@.tools/bin/node --test --test-reporter=dot tools/prose/*.test.js
	@.tools/bin/node node_modules/textlint/bin/textlint.js --rules-base-directory "$(CURDIR)/node_modules" $(PROSE)

bench:  ## measure against the goals
	@tools/install.sh test
	@JAVA_HOME="$(CURDIR)/.tools/java" $(BIN)/python -m benchmarks

lock:  ## resolve the dependencies anew (UPGRADE=1 takes newer releases)
	@tools/install.sh demo
	@tools/lock.sh

clean:  ## remove all that was installed and built; the embedded AWS's state in .line stays
	@rm -rf .venv .tools node_modules cdk.out site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path "./.line/*" -prune -exec rm -rf {} +
