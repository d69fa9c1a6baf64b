# make demo: from a fresh clone to before/after pictures. make test: the whole suite. Both make .venv where it is absent.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
DEMO := results/demo
FINE_TUNED := results/test_nerco_demo/visualization/demo-val
WEIGHTS := nerco_plugin/weights/nerco_small.safetensors
PIP := $(RUN) -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt

# Packages are installed without bytecode, which is then kept of what is used: without it every process would compile for ten
# seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check clean

demo: $(DEMO)/scores.json
	@echo "Next, your own photograph, or a folder of them:"
	@echo "  $(VENV)/bin/nerco enhance PHOTOGRAPH -o enhanced"
	@echo "Before/after pictures and scores, open in a browser:"
	@echo "$(CURDIR)/$(DEMO)/index.html"

# The packaged weights as they are, and after a short training from them, on the same photographs.
$(DEMO)/scores.json: $(VENV)/.installed options/train_nerco_demo.yml options/test_nerco_demo.yml $(WEIGHTS)
	$(RUN) tools/prepare_demo_data.py
	$(RUN) tools/enhance.py datasets/demo/val/low -o $(DEMO)/pictures --overwrite
	$(RUN) tools/train.py -opt options/train_nerco_demo.yml --auto_resume
	$(RUN) tools/test.py -opt options/test_nerco_demo.yml
	$(RUN) tools/score.py --low datasets/demo/val/low --gt datasets/demo/val/gt --out $(DEMO) --title Demo \
	  --enhanced packaged=$(DEMO)/pictures --enhanced fine-tuned=$(FINE_TUNED) --suffix _test_nerco_demo

test: $(VENV)/.installed-test
	$(RUN) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --durations 10

check: $(VENV)/.installed-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# torch first, and basicsr built beside it: basicsr's build would otherwise fetch a torch of its own.
$(VENV)/.installed: setup.py constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(PIP) setuptools wheel numpy cython torch torchvision
	PYTHONPATH="$(CURDIR)/tools/build_basicsr" $(PIP) --no-build-isolation basicsr
	$(PIP) --no-build-isolation --editable .
	@touch $@

# mmengine's first import writes a cache of yapf's, not safely: two processes of a test run must not be the first.
$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --no-build-isolation --editable '.[test,video,demo]'
	$(RUN) -c "import mmengine"
	@touch $@

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
