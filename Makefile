# One command each. `make` alone lists them.

VENV  := .venv
BIN   := $(VENV)/bin
# deepmd-kit pins a torch of its own.
PEERS := $(if $(filter deep_potential%,$(NAME)),.venv-deepmd,.venv-peers)
FIRST := notebooks/01_first_campaign.ipynb
# pip, made calm: what it is at on stderr, everything it says in the log.
INSTALL = $(BIN)/python tools/install.py $(VENV)/install.log

# System programs that tests use; a missing one is installed, unpacked beside the environment, or named.
PROGRAMS := chromium initdb pg_ctl postgres rabbitmq-server

# Three processes on two cores: most tests wait for others (a worker, an agent, a browser) most of the time.
PARALLEL := -n 3 --dist loadscope --no-loadscope-reorder

.PHONY: help venv lab test test-all programs lint bench docs clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 12

# --- environment ------------------------------------------------------------------------------

# `make PYTHON=/path/to/python3.12 …` chooses one.
$(BIN)/python:
	@set -eu; chosen=; halfway=; \
	fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python); do \
	  if ! "$$candidate" -c "$$fits" >/dev/null 2>&1; then continue; fi; \
	  if "$$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then chosen=$$candidate; break; fi; \
	  if [ -z "$$halfway" ]; then halfway=$$candidate; fi; \
	done; \
	if [ -z "$$chosen" ] && [ -n "$$halfway" ]; then \
	  version=$$("$$halfway" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "Python $$version is here ($$halfway), but without the module venv (or ensurepip), so no environment can be made." >&2; \
	  echo "On Debian and Ubuntu: sudo apt install python$$version-venv. Then run make again." >&2; \
	  exit 1; \
	fi; \
	if [ -z "$$chosen" ]; then \
	  echo "aisteer needs Python 3.11, 3.12 or 3.13, and none of them was found$(if $(PYTHON), at $(PYTHON))." >&2; \
	  if python3 --version >/dev/null 2>&1; then echo "python3 is $$(python3 --version 2>&1)." >&2; fi; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.12 lab" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$chosen" --version 2>&1)." >&2; \
	"$$chosen" -m venv --clear $(VENV)

$(VENV)/.lab: pyproject.toml constraints.txt | $(BIN)/python
	@$(INSTALL) "what builds aisteer: a few seconds" -c constraints.txt pip hatchling editables
	@$(INSTALL) "aisteer and what the notebooks need, pinned: two to ten minutes the first time, seconds afterwards" \
	  -c constraints.txt --no-build-isolation -e ".[notebook,molecules,parquet,globus,gest,dp]"
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@$(INSTALL) "what builds aisteer: a few seconds" -c constraints.txt pip hatchling editables
	@$(INSTALL) "aisteer and what the tests need, pinned: two to ten minutes the first time, seconds afterwards" \
	  -c constraints.txt --no-build-isolation -e ".[test,docs]"
	@touch $(VENV)/.lab $@

# The core's own wheels, fetched now so that the test of a clean installation needs no network.
.services/wheels/.done: constraints.txt $(VENV)/.test
	@rm -rf .services/wheels && mkdir -p .services/wheels
	@$(BIN)/python -m pip download --disable-pip-version-check --quiet --only-binary :all: -c constraints.txt \
	  -d .services/wheels cloudpickle numpy sqlalchemy \
	  && touch $@ || echo "The core's wheels could not be fetched; the test of a clean installation will be skipped."

# repo2docker, to check that Binder would build this.
.venv-binder/.done: | $(BIN)/python
	@$(BIN)/python -m venv .venv-binder
	@.venv-binder/bin/python -m pip install --disable-pip-version-check --quiet jupyter-repo2docker==2026.4.0 setuptools
	@touch $@

# Generators of other libraries on top of the tests' environment: what that has is neither installed twice nor changed.
.venv-generators/.done: tests/steering/generators.txt constraints.txt $(VENV)/.test
	@$(BIN)/python -m venv .venv-generators
	@$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	  > "$$(.venv-generators/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/tests.pth"
	@.venv-generators/bin/python -m pip install --disable-pip-version-check --quiet --prefer-binary -c constraints.txt -r $<
	@touch $@

# Triton, which PyTorch's build for CPUs does not have, likewise: 700 MB that only the tests of its kernels need.
.venv-triton/.done: tests/deep_potential/triton.txt constraints.txt $(VENV)/.test
	@$(BIN)/python -m venv .venv-triton
	@$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	  > "$$(.venv-triton/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/tests.pth"
	@.venv-triton/bin/python -m pip install --disable-pip-version-check --quiet --prefer-binary -c constraints.txt -r $<
	@touch $@

programs: $(VENV)/.test  ## look for the system programs that tests use, and get what is missing
	@$(BIN)/python -m tests.services.system $(PROGRAMS)
	@$(BIN)/python -m tests.browser.accessibility

venv: $(VENV)/.lab  ## the environment, from pinned versions

# --- use --------------------------------------------------------------------------------------

# Jupyter's own settings of the user are neither read nor written: all of it lives in the environment.
lab: $(VENV)/.lab  ## open JupyterLab on the first notebook (BROWSER=none: only print the address)
	@set -eu; home="$(CURDIR)/$(VENV)/jupyter"; \
	mkdir -p "$$home/config/labconfig" "$$home/config/custom"; \
	printf '%s\n' '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}' \
	  > "$$home/config/labconfig/page_config.json"; \
	printf '%s\n' '{"ServerApp": {"jpserver_extensions": {"jupyter_lsp": false, "panel.io.jupyter_server_extension": false}}}' \
	  > "$$home/config/jupyter_server_config.json"; \
	printf '%s\n' '[data-jp-item-name="panelRender"] { display: none !important; } /* it asks that server extension */' \
	  > "$$home/config/custom/custom.css"; \
	printf '%s\n' '{"LabApp": {"custom_css": true}}' > "$$home/config/jupyter_lab_config.json"; \
	unset JUPYTER_PATH JUPYTER_CONFIG_PATH JUPYTERLAB_SETTINGS_DIR JUPYTERLAB_WORKSPACES_DIR; \
	export JUPYTER_CONFIG_DIR="$$home/config" JUPYTER_DATA_DIR="$$home/data" \
	  JUPYTER_RUNTIME_DIR="$$home/runtime" IPYTHONDIR="$$home/ipython"; \
	set -- --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/$(FIRST); \
	if [ "$${BROWSER:-}" = none ]; then set -- "$$@" --no-browser; fi; \
	if [ "$$(id -u)" = 0 ]; then set -- "$$@" --allow-root; fi; \
	exec $(BIN)/python -m jupyterlab "$$@"

# --- prove ------------------------------------------------------------------------------------

lint: $(VENV)/.test  ## ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

# Ruff takes a second; what looks at types takes a minute of one processor, which the tests leave free now and then.
# What is wrong stands last: who reads only the end of a long log still learns which test it was.
define PROVE
@$(BIN)/ruff check .
@{ $(BIN)/mypy && $(BIN)/lint-imports --no-logo; } > $(VENV)/lint.log 2>&1 & lint=$$!; \
$(BIN)/python -m pytest $(PARALLEL) $(1); found=$$?; \
if wait $$lint; then grep -E '^(Success|Contracts):' $(VENV)/lint.log; else found=1; cat $(VENV)/lint.log; fi; \
if test $$found != 0; then grep -s '::' .pytest_cache/v/cache/lastfailed; fi; exit $$found
endef

test: $(VENV)/.test .services/wheels/.done programs  ## all checks at reduced size, 15 minutes at most
	$(call PROVE)

test-all: export AISTEER_SIZE = full
test-all: $(VENV)/.test .services/wheels/.done .venv-binder/.done .venv-generators/.done .venv-triton/.done programs  ## everything at full size
	$(call PROVE,-m "full or not full")

bench: $(if $(NAME),$(VENV)/.test)  ## make bench NAME=overhead prints JSON; without a name, lists them
ifdef NAME
	@test -f tests/benchmarks/$(NAME).py || { echo "There is no benchmark '$(NAME)'. make bench lists them." >&2; exit 1; }
	@if [ -z "$$AISTEER_PEERS" ] && [ -f tests/benchmarks/peers/$(NAME).txt ]; then $(MAKE) --no-print-directory $(PEERS)/.$(NAME) >&2; fi
	@AISTEER_PEERS="$${AISTEER_PEERS:-$(CURDIR)/$(PEERS)/bin/python}" $(BIN)/python -m tests.benchmarks.$(NAME)
else
	@for file in tests/benchmarks/*.py; do \
	  sed -n "1s|^\"\"\"\(.*\)|$$(basename $$file .py)\t\1|p" $$file | sed 's/"""$$//' | grep -v '^_' | expand -t 16; done
endif

# Peers have an environment of their own, so that theirs and ours do not bend each other's versions.
$(PEERS)/.%: tests/benchmarks/peers/%.txt | $(BIN)/python
	@test -x $(PEERS)/bin/python || $(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --disable-pip-version-check --quiet --prefer-binary -r $<
	@touch $@

docs: $(VENV)/.test  ## the documentation, into docs/_build/html
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:  ## remove what was built and cached; environments and campaigns stay
	rm -rf build dist docs/_build docs/tutorials docs/api .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find aisteer widgets tests notebooks -name __pycache__ -prune -exec rm -rf {} +
