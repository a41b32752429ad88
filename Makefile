# The two commands of the README are `make run` and `make test`; both set up .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QUICKSTART := nbs/walkthroughs/01_quickstart.ipynb
WORKERS ?= 2

.PHONY: run test lock test-newest test-oldest test-models test-browser docs slow lab bench bench-check gpu wheel dist release lint sync notebooks clean

# one thread: matrices are small, and threads that wait for each other slow down a busy machine
run: $(VENV)/.ready
	@OMP_NUM_THREADS=1 $(BIN)/python tools/run_notebook.py $(QUICKSTART) build/quickstart

test: lint sync notebooks
	@echo "All checks passed."

lab: $(VENV)/.ready
	@cd nbs && PATH="$(CURDIR)/$(BIN):$$PATH" jupyter lab walkthroughs/01_quickstart.ipynb

# one thread, and no spinning threads of other libraries; then what is measured on two, where those of wires do spin;
# a row beyond its limit fails the whole, after all have been measured
bench: $(VENV)/.ready-bench
	@mkdir -p build
	@rm -f build/benchmark.json
	@failed=0; bench() { $(BIN)/python -m pytest "$$@" -q -p no:cacheprovider --benchmark-disable-gc || failed=1; }; \
	export OMP_NUM_THREADS GOMP_SPINCOUNT; \
	OMP_NUM_THREADS=1; GOMP_SPINCOUNT=0; bench bench --ignore bench/test_wires.py; \
	OMP_NUM_THREADS=2; bench bench/test_layers.py bench/test_networks.py \
		-k "(inference or convolution or resnet14) and not aihwkit"; \
	unset GOMP_SPINCOUNT; bench bench/test_wires.py; exit $$failed

# fails where a ratio is more than 1.5 times what is kept in bench/results.json
bench-check: bench
	@$(BIN)/python tools/check_bench.py

# tests and measurements on a GPU, at most eight minutes, in parts that are kept; the results stand in bench/
gpu: $(VENV)/.ready
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python bench/gpu.py

# the tests marked slow as well: those against ngspice (where it is installed) and torch.compile
slow: $(VENV)/.ready
	@PATH="$(CURDIR)/$(BIN):$$PATH" OMP_NUM_THREADS=1 MPLBACKEND=agg nbdev_test --n_workers $(WORKERS) --flags slow

# What a release of torch, numpy, pandas or matplotlib can change: gradients through clipping and mappings; hooks, compilers,
# exports, state_dicts, pickles; tables, seeds, figures, widgets. Pages that only do arithmetic of their own (models of devices,
# effects one by one, circuits, energy) and those that only use the others aren't run again.
TOUCHED := utils|show|train|Crossbar|Display|NonIdeality|Parameter|Input|Module|Observe|Hardware|Matrix|Layer|Weights|Reading|Kept|$\
	Fused|StandIn|Foreign|Accounting|Chip|Linear|Conv2d|Convolution|ConvTranspose|RNN|MultiheadAttention|Trial|Results|Explorer
# with the newest releases of everything, as a user's `pip install` has them, in an environment of its own
NEWEST := .venv-newest
test-newest: $(NEWEST)/.ready
	@PATH="$(CURDIR)/$(NEWEST)/bin:$$PATH" OMP_NUM_THREADS=1 MPLBACKEND=agg nbdev_test --n_workers $(WORKERS) --do_print \
		--skip_folder_re '^([_.].*|walkthroughs|guides)$$' --file_re '^($(TOUCHED))\.ipynb$$'

# with the lowest versions that settings.ini allows: what builds on the most of torch, numpy, pandas, matplotlib and ipywidgets
OLDEST := .venv-oldest
BOUND := utils|show|Crossbar|NonIdeality|Foreign|Linear|Convolution|RNN|MultiheadAttention|Trial|Run|Explorer
test-oldest: $(OLDEST)/.ready
	@PATH="$(CURDIR)/$(OLDEST)/bin:$$PATH" PYTHONPATH="$(CURDIR)" OMP_NUM_THREADS=1 MPLBACKEND=agg nbdev_test --n_workers $(WORKERS) --do_print \
		--skip_folder_re '^([_.].*|walkthroughs|guides)$$' --file_re '^($(BOUND))\.ipynb$$'

# models and tools of other libraries, on tiny configurations; nothing is downloaded
MODEL_PAGES := models toolchains huggingface
test-models: $(VENV)/.ready-models
	@PATH="$(CURDIR)/$(BIN):$$PATH" OMP_NUM_THREADS=1 MPLBACKEND=agg HF_HUB_OFFLINE=1 nbdev_test --n_workers $(WORKERS) --do_print \
		--flags models --path nbs/guides --file_re '^($(subst $() ,|,$(MODEL_PAGES)))\.ipynb$$'

# a page for each notebook, from what is stored in them; nothing is executed or downloaded
docs: $(VENV)/.ready-docs
	@$(BIN)/python tools/build_docs.py

# JupyterLab and Voila in a headless Chromium, Debian's package; pictures of the screen in build/browser
test-browser: $(VENV)/.ready-browser
	@$(BIN)/python -m pytest browser -q -s -p no:cacheprovider

# the wheel in an environment of its own, without the tools of development
wheel:
	@PYTHON=$(PYTHON) sh tools/check_wheel.sh

# what is uploaded: the source, and the wheel that is built from it
dist: $(VENV)/.ready
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[release]'
	@rm -rf dist && $(BIN)/python -m build --outdir dist . > build/dist.log || { cat build/dist.log; exit 1; }
	@$(BIN)/twine check --strict dist/*

# all that a release must pass; then: a date in CHANGELOG.md, a tag, and twine upload dist/*
release: test slow test-models test-newest test-oldest docs wheel test-browser bench-check dist
	@echo "memnb $$(sed -n 's/^version = //p' settings.ini) can be released: see CONTRIBUTING.md."

lint: $(VENV)/.ready
	@$(BIN)/ruff check -q nbs setup.py tools bench browser
	@$(BIN)/ruff format -q --check nbs setup.py tools bench browser
	@$(BIN)/ruff check -q --isolated --select F821 memnb  # a name that only a test cell imports
	@$(BIN)/python tools/check_spelling.py

sync: $(VENV)/.ready
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tools/check_sync.sh
	@$(BIN)/python tools/check_outputs.py

# all notebooks, or one: make notebooks NB=nbs/mn/Layer.ipynb
NB ?=
notebooks: $(VENV)/.ready
	@$(if $(NB),test -e "$(NB)" || { echo "NB=$(NB): no such notebook"; exit 1; };) PATH="$(CURDIR)/$(BIN):$$PATH" OMP_NUM_THREADS=1 MPLBACKEND=agg nbdev_test --n_workers $(WORKERS) --do_print $(if $(NB),--path $(NB))

# constraints.txt anew, from the newest of everything that works together in an environment made for it
lock:
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@build/lock/bin/pip install -q --disable-pip-version-check torch==2.13.0 -e '.[dev,bench,docs,browser,search,cluster,models,release]'
	@{ echo "# What is tested is what is installed: written by make lock with Python $$(build/lock/bin/python -V | cut -d' ' -f2)."; \
		build/lock/bin/pip freeze --exclude-editable; } > constraints.txt

clean:
	rm -rf $(VENV) $(NEWEST) $(OLDEST) build *.egg-info

$(VENV)/.ready: settings.ini setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "memnb needs Python 3.11 or later, such as: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@# made anew when it was left half made, or by another Python
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || \
		{ rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@echo "Installing memnb and what it needs into $(VENV) (a few minutes the first time)"
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt torch -e '.[dev]'
	@touch $@

$(NEWEST)/.ready: settings.ini setup.py
	@test -x $(NEWEST)/bin/python || $(PYTHON) -m venv $(NEWEST)
	@echo "Installing memnb and the newest of what it needs into $(NEWEST)"
	@$(NEWEST)/bin/pip install -q --disable-pip-version-check --upgrade torch -e '.[dev]'
	@touch $@

# some 3 GB, since releases of torch that old are for GPUs, too
$(OLDEST)/.ready: settings.ini setup.py
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	@echo "Installing the oldest of what memnb needs into $(OLDEST)"
	@sed -n 's/^requirements = //p' settings.ini | tr ' ' '\n' | sed 's/>=\([^,]*\).*/==\1/' > $(OLDEST)/oldest.txt
	@$(OLDEST)/bin/pip install -q --disable-pip-version-check -r $(OLDEST)/oldest.txt \
		$$(sed -n 's/^dev_requirements = //p' settings.ini | tr ' ' '\n' | grep -E '^(nbdev|execnb)')
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt --no-deps badcrossbar || echo "badcrossbar: not installed"
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt --no-deps aihwkit || echo "aihwkit: not installed"
	@touch $@

$(VENV)/.ready-models: $(VENV)/.ready
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[models]'
	@touch $@

$(VENV)/.ready-docs: $(VENV)/.ready
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

$(VENV)/.ready-browser: $(VENV)/.ready
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[browser]'
	@touch $@
