# Every command of the course; `make` alone lists them.

PYTHON =
CONSTRAINTS = constraints.txt
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
UV = build/uv/bin/uv
RESOLVED = requirements.txt --quiet --no-header --no-annotate --python-version 3.11
PYTHONS = python3 python3.13 python3.12 python3.11
PROBE = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# A user without a home, as in some containers: Jupyter and Keras need one.
ifeq ($(HOME),)
export HOME := $(CURDIR)/build/home
endif

.PHONY: help run test full solutions student site claims redraw colab lab bench format constraints clean FORCE
.DELETE_ON_ERROR:

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1 : /p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F ' : ' '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo
	@echo '  run, test, full, solutions, redraw and lab take notebooks by number:  make full NB="02 03"'
	@echo '  run, test, full and solutions take how many run at once:  make run JOBS=1'
	@echo '  The first of them sets up $(VENV); to choose its Python:  make run PYTHON=python3.12'

run: $(STAMP) ## execute every notebook in the quick profile and build the site
	@failed=0; $(NOTEBOOKS) --profile quick --into build/notebooks $(NB) || failed=$$?; \
	if [ $$failed -gt 1 ]; then exit $$failed; fi; \
	$(SITE) --run build/notebooks && exit $$failed

test: $(STAMP) ## check style, the package and every notebook in the quick profile
	@$(NOTEBOOKS) --list --solutions $(NB) >/dev/null
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest
	$(NOTEBOOKS) --nbval --solutions $(NB)

full: $(STAMP) ## execute every notebook in the full profile and save it in its place
	@failed=0; $(NOTEBOOKS) --profile full --in-place $(NB) || failed=$$?; \
	if [ $$failed -gt 1 ]; then exit $$failed; fi; \
	$(VERDICTS) && exit $$failed

solutions: $(STAMP) ## execute the exercises' solutions in the quick profile and save them in place
	@$(NOTEBOOKS) --folder notebooks/solutions --in-place $(NB)

student: $(STAMP) ## write copies without outputs and solutions into build/student, to hand out
	@$(BIN)/python tools/student.py

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

# With the oldest Python, so that they suit the newer ones; no need for an environment of the course.
constraints: $(UV) ## renew the pinned versions in constraints.txt: the newest that go together
	@$(UV) pip compile $(RESOLVED) --upgrade --universal --fork-strategy fewest -o constraints.txt

build/oldest.txt: requirements.txt $(UV)
	@$(UV) pip compile $(RESOLVED) --resolution lowest-direct -o $@

build/newest.txt:
	@mkdir -p build && touch $@

$(UV):
	@python3 -m venv build/uv && build/uv/bin/python -m pip install --quiet uv

clean: ## remove what the commands made, all but .venv and data
	@rm -rf build .pytest_cache .ruff_cache notebooks/.ipynb_checkpoints
	@find aelib benchmarks docs tests tools -name __pycache__ -prune -exec rm -rf {} +

# A Python other than the one that the environment was made with: make it anew.
ifneq ($(PYTHON),)
ifneq ($(PYTHON),$(shell cat $(STAMP) 2>/dev/null))
$(STAMP): FORCE
endif
endif

# The stamp is written last, so a set-up that was broken off is taken up again.
$(STAMP): requirements.txt $(CONSTRAINTS) pyproject.toml
	@python=; \
	for candidate in $(or $(PYTHON),$(PYTHONS)); do \
		if "$$candidate" -c '$(PROBE)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "$(if $(PYTHON),$(PYTHON) is not,Found no) Python 3.11, 3.12 or 3.13 with venv and pip."; \
		echo 'Install one from https://www.python.org/downloads'; \
		echo '(Debian, Ubuntu: sudo apt install python3 python3-venv)'; \
		echo 'or name one: make run PYTHON=/path/to/python3.12'; \
		exit 1; \
	fi >&2; \
	rm -f $@ && \
	"$$python" tools/set_up.py --venv $(VENV) --constraints $(CONSTRAINTS) $(if $(PYTHON),--anew) && \
	echo "$$python" > $@
