# make demo: from a fresh clone to before/after pictures. make test: the whole suite. Both make .venv where it is absent.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check clean

demo: results/test_nerco_demo/scores.json
	@echo "Enhance and score a data set of your own: README.md, 'Training on your own photographs'."
	@echo "Before/after pictures and scores: $(CURDIR)/results/test_nerco_demo"

results/test_nerco_demo/scores.json: $(VENV)/.installed options/train_nerco_demo.yml options/test_nerco_demo.yml
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
	$(PIP) --no-build-isolation --editable '.[test]'
	@touch $@

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
