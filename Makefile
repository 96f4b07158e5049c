# Targets: install, demo, test, test-all, test-gpu, lint, docs, bench. All of
# them use the environment in .venv. It is created if it does not exist, and
# updated when the requirements change. `make install CPU=1` creates it with
# PyTorch's wheels for CPUs, which are much smaller.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# An extra index, because this one has little besides PyTorch. pip prefers its
# versions: 2.x.y+cpu is higher than 2.x.y.
PIP_OPTIONS := $(if $(CPU),--extra-index-url https://download.pytorch.org/whl/cpu)
REQUIREMENTS := $(wildcard requirements/*.txt) requirements.txt setup.py

DEMO_CONFIG := configs/gmp/gmp.py
DEMO_DIR := work_dirs/demo

.PHONY: install demo test test-all test-gpu lint docs bench

install: $(STAMP)

$(STAMP): $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 10) and f"mmgmp needs Python 3.10 or later, and $(PYTHON) is {v[0]}.{v[1]}")'
	@echo 'Installing into $(VENV). The first time takes several minutes.'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade pip
	@$(BIN)/python -m pip install -qq -r requirements.txt $(PIP_OPTIONS)
	@$(BIN)/python -m pip uninstall -qq -y opencv-python opencv-contrib-python
	@$(BIN)/python -m pip install -qq --force-reinstall --no-deps -r requirements/opencv.txt
	@$(BIN)/python -m pip install -qq --no-build-isolation --no-deps -e .
	@touch $@

demo: $(STAMP)
	$(BIN)/python tools/data/make_mini_hac.py
	$(BIN)/python tools/train.py $(DEMO_CONFIG) --dataset mini_hac --target cartoon --work-dir $(DEMO_DIR) --test --resume
	$(BIN)/python tools/analysis_tools/plot_curves.py $(DEMO_DIR) \
		--keys gmp/rho.video gmp/sigma.video 'gmp/k.*' 'gmp/p.*' 'gmp/conflict.*' \
		--names 'ratio rho' 'ratio sigma' 'factor k' 'factor p' 'conflict rate' \
		--log gmp/rho.video gmp/sigma.video --lines 'gmp/[rs]*=1' --smooth 5 \
		--out $(DEMO_DIR)/ratios.png
	$(BIN)/python tools/analysis_tools/print_summary.py $(DEMO_DIR)

# Without GPUs, so that the tests compute the same everywhere.
PYTEST := CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --durations=15

test: $(STAMP)
	$(PYTEST) -m 'not slow'

test-all: $(STAMP)
	$(PYTEST)

test-gpu: $(STAMP)
	$(BIN)/python -m pytest -m gpu

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mmgmp tools
	$(BIN)/lint-imports

docs: $(STAMP)
	$(BIN)/python -m pip install -qq -r requirements/docs.txt
	$(BIN)/sphinx-build -q -W -n docs docs/_build

bench: $(STAMP)
	$(BIN)/python tools/benchmarks/benchmark_step.py
