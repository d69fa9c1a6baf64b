# make demo: from a fresh clone to before/after pictures. make test: the whole suite. Both make .venv where it is absent.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
DEMO := results/test_nerco_demo/demo-val
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check clean

demo: $(DEMO)/scores.json
	@echo "Next, a folder of your own photographs:"
	@echo "  $(RUN) tools/test.py -opt options/test_own_folder.yml --force_yml datasets:test_1:dataroot_lq=FOLDER"
	@echo "Before/after pictures and scores, open in a browser:"
	@echo "$(CURDIR)/$(DEMO)/index.html"

$(DEMO)/scores.json: $(VENV)/.installed options/train_nerco_demo.yml options/test_nerco_demo.yml
	$(RUN) tools/prepare_demo_data.py
	$(RUN) tools/train.py -opt options/train_nerco_demo.yml --auto_resume
	$(RUN) tools/test.py -opt options/test_nerco_demo.yml

test: $(VENV)/.installed-test
	$(RUN) -m pytest

check: $(VENV)/.installed-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# torch first, and basicsr built beside it: basicsr's build would otherwise fetch a torch of its own.
$(VENV)/.installed: setup.py constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(PIP) setuptools wheel numpy cython torch torchvision
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --no-build-isolation --editable '.[test,video,demo]'
	@touch $@

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
