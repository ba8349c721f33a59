# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test bench lint train clean

$(VENV)/demo.stamp: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/test.stamp: requirements.txt requirements-lake.txt requirements-dev.txt $(VENV)/demo.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: $(VENV)/demo.stamp  ## serve the app on 127.0.0.1:7860
	$(BIN)/python app.py

test: $(VENV)/test.stamp browser  ## pass the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not browser"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m browser

# The browser tests need a Chromium; without one, and without the right to install it, they say so and skip.
.PHONY: browser
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } \
	  || echo "no Chromium here: the browser tests will be skipped"

bench: $(VENV)/test.stamp  ## speed as JSON
	$(BIN)/python -m tests.benchmarks.speed

lint: $(VENV)/test.stamp
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

train: $(VENV)/test.stamp  ## the film checkpoint; resumable
	MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=200000000 \
	  $(BIN)/python -m training.train --config training/configs/film.json \
	  --data ../shared/data --out runs/film

clean:
	rm -rf $(VENV) runs
