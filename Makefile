# Every command of the course; `make` alone lists them.

PYTHON =
NB =
JOBS =
REPO =
ACCEPT =
RECORD =
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
NOTEBOOKS = $(BIN)/python tools/run_notebooks.py $(if $(JOBS),--jobs $(JOBS))
VERDICTS = $(BIN)/python tools/verdicts.py && $(BIN)/python tools/figures.py
SITE = $(BIN)/python tools/build_site.py
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
PROBE = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.PHONY: help run test full site claims redraw colab lab bench format clean FORCE
.DELETE_ON_ERROR:

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1 : /p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F ' : ' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo '  run, test, full, redraw and lab take notebooks by number:  make full NB="02 03"'
	@echo '  run, test and full take how many run at once:  make run JOBS=1'
	@echo '  The first of them sets up $(VENV); to choose its Python:  make run PYTHON=python3.12'

run: $(STAMP) ## execute every notebook in the quick profile and build the site from it
	@failed=0; $(NOTEBOOKS) --profile quick --into build/notebooks $(NB) || failed=$$?; \
	if [ $$failed -gt 1 ]; then exit $$failed; fi; \
	$(SITE) --notebooks build/notebooks && exit $$failed

test: $(STAMP) ## check style, the package and every notebook in the quick profile
	@$(NOTEBOOKS) --list $(NB) >/dev/null
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest
	$(NOTEBOOKS) --nbval $(NB)

full: $(STAMP) ## execute every notebook in the full profile and save it in its place
	@failed=0; $(NOTEBOOKS) --profile full --in-place $(NB) || failed=$$?; \
	if [ $$failed -gt 1 ]; then exit $$failed; fi; \
	$(VERDICTS) && exit $$failed

site: $(STAMP) ## build the site from the committed notebooks into build/site
	@$(SITE)

claims: $(STAMP) ## collect verdicts and figures of the saved notebooks in CLAIMS.md and README.md
	@$(VERDICTS)

# ACCEPT=1 also notes tags, alternative texts and the order of texts as they stand now.
redraw: $(STAMP) ## draw ledgers, explorers and shown code anew, without a run
	@$(BIN)/python tools/redraw.py $(if $(ACCEPT),--accept) $(NB)

# The repository's name changes pyproject.toml, but nothing that was set up from it.
colab: $(STAMP) ## link the notebooks to Colab, where they are published: REPO=owner/name
	@$(BIN)/python tools/stamp_colab.py "$(REPO)" && touch $(STAMP)

# JupyterLab hides the explorers of notebooks that were not run here, unless they are trusted.
lab: $(STAMP) ## open the course in JupyterLab
	@first=notebooks; \
	if [ -n "$(NB)" ]; then first=$$($(NOTEBOOKS) --list $(firstword $(NB))) || exit 2; fi; \
	$(BIN)/python -m jupyter trust notebooks/*.ipynb >/dev/null && \
	$(BIN)/python -m jupyterlab $$first

bench: $(STAMP) ## measure what is faster than what
	@$(BIN)/python benchmarks/speed.py $(if $(RECORD),--record)

format: $(STAMP) ## bring code and notebooks into the style that `make test` checks
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

clean: ## remove what the commands made, all but .venv and data
	@rm -rf build .pytest_cache .ruff_cache notebooks/.ipynb_checkpoints
	@rm -rf aelib/__pycache__ tests/__pycache__ tools/__pycache__ benchmarks/__pycache__ \
		docs/__pycache__

# A Python other than the one that the environment was made with: make it anew.
ifneq ($(PYTHON),)
ifneq ($(PYTHON),$(shell cat $(STAMP) 2>/dev/null))
$(STAMP): FORCE
endif
endif

# The stamp is written last, so a set-up that was broken off is taken up again.
# The line in etc/ipython keeps what C++ code logs out of the notebooks' outputs.
$(STAMP): requirements.txt constraints.txt pyproject.toml
	@rm -f $@
	@python=; \
	for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if "$$candidate" -c '$(PROBE)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "$(or $(PYTHON),No python3 here) is not Python 3.11, 3.12 or 3.13 with venv and pip."; \
		echo 'Install one from https://www.python.org/downloads'; \
		echo '(Debian, Ubuntu: sudo apt install python3 python3-venv)'; \
		echo 'or name one: make run PYTHON=/path/to/python3.12'; \
		exit 1; \
	fi >&2; \
	if [ -n "$(PYTHON)" ] || ! $(BIN)/python -c '$(PROBE)' 2>/dev/null \
		|| ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "Making $(VENV) with $$($$python --version)."; \
		"$$python" -m venv --clear $(VENV) || exit 1; \
	fi; \
	echo 'Installing TensorFlow and the rest into $(VENV): about 2 minutes and 2 GB, only once.'; \
	$(PIP) install -r requirements.txt -c constraints.txt && \
	$(PIP) install --no-deps -e . && \
	mkdir -p $(VENV)/etc/ipython && \
	echo 'c.IPKernelApp.capture_fd_output = False' > $(VENV)/etc/ipython/ipython_kernel_config.py && \
	echo "$$python" > $@
