"""Speed as JSON: `make bench`. Every figure stands beside a bare one from the same run.

Measured on whatever machine it runs on; quote ratios, not milliseconds, where another machine is meant.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modeling.labels import Target
from tests.doubles.served import ROOT, free_port, unfold
from tests.interface.browser.visit import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from modeling.pipeline import DiagnosisPipeline
    from modeling.study import Study

BARS = {
    "prediction_ms": 80.0,
    "click_to_prediction_s": 0.5,
    "first_map_s": 1.5,
    "app_to_page_s": 6.0,
    "app_to_first_prediction_s": 15.0,
}


def median_seconds(action: Callable[[], object], runs: int) -> float:
    """Median wall time after two warm-up runs."""
    for _ in range(2):
        action()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def bench_model(checkpoint: Path, films: int) -> dict[str, float | str]:
    """Prediction against the bare backbone, the first map against captum's defaults."""
    import torch

    from cases.open_store import open_case_store
    from cases.store import CaseFilter
    from modeling.pipeline import DiagnosisPipeline

    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    store = open_case_store(None)
    studies = [store.get(row.case_id).study for row in store.page(CaseFilter(), limit=films).rows]
    image = pipeline.processor(studies[0]).inputs.image.contiguous(memory_format=torch.channels_last)
    backbone = pipeline.model.encoders["image"].backbone
    with torch.inference_mode():
        bare = median_seconds(lambda: backbone.forward_features(image), 20)
    predicted = median_seconds(lambda: pipeline.predict(studies[0]), 20)
    figures = {
        "checkpoint": checkpoint.name,
        "threads": torch.get_num_threads(),
        "films": len(studies),
        "bare_forward_ms": bare * 1e3,
        "prediction_ms": predicted * 1e3,
        "prediction_over_bare_forward": predicted / bare,
        **bench_explanations(pipeline, studies),
    }
    ratio = figures["first_map_s"] / figures["captum_defaults_s"]
    return figures | {"first_map_over_captum_defaults": ratio}


def bench_explanations(pipeline: "DiagnosisPipeline", studies: "list[Study]") -> dict[str, float]:
    """Medians over films: seconds and gap of the first map, of the last, and of captum's defaults."""
    from captum.attr import IntegratedGradients

    from modeling.explain.study_path import StudyPath

    rows: dict[str, list[float]] = {}

    def note(name: str, seconds: float, gap: float) -> None:
        rows.setdefault(f"{name}_s", []).append(seconds)
        rows.setdefault(f"{name}_gap", []).append(gap)

    task = pipeline.config.tasks[0]
    for study in studies:
        target = Target(task.name, pipeline.predict(study)[task.name].most_probable)
        started = time.perf_counter()
        for number, attribution in enumerate(pipeline.explain(study, target)):
            if number == 0:
                note("first_map", time.perf_counter() - started, attribution.relative_delta)
        note("final_map", time.perf_counter() - started, attribution.relative_delta)
        processed = pipeline.processor(study)
        read = pipeline.predict(study)[task.name].modalities
        path = StudyPath(
            pipeline.model, pipeline.processor, processed, read, target, "black", pipeline.device
        )
        started = time.perf_counter()
        _, delta = IntegratedGradients(path.logit).attribute(
            path.inputs, path.baselines, return_convergence_delta=True
        )
        seconds = time.perf_counter() - started
        change = float(path.logit(*path.inputs)) - float(path.logit(*path.baselines))
        note("captum_defaults", seconds, abs(float(delta)) / max(abs(change), 1e-9))
    return {name: statistics.median(values) for name, values in rows.items()}


_WATCH = """() => new Promise(resolve => {
  const parts = {
    film: () => {
      const viewer = document.querySelector("#vb-figure .vv")?.parentElement.viewer;
      const entry = viewer?.entryOf(viewer.panes[0]);
      return entry?.film?.levels.length ? entry.filmId : undefined;
    },
    prediction: () => document.querySelector("#vb-prediction table")?.textContent,
    map: () => document.querySelector("#vb-evidence table")?.textContent,
  };
  const before = Object.fromEntries(Object.keys(parts).map(name => [name, parts[name]()]));
  const seen = {}, start = performance.now();
  const watch = () => {
    const now = performance.now() - start;
    for (const name in parts) {
      const value = parts[name]();
      if (!(name in seen) && value && value !== before[name]) seen[name] = now;
    }
    if (Object.keys(seen).length === 3 || now > 30000) resolve(seen); else setTimeout(watch, 5);
  };
  [...document.querySelectorAll("button")].find(b => b.textContent.includes("Next")).click();
  watch();
})"""


def bench_screen(address: str, clicks: int = 6) -> dict[str, float]:
    """Median seconds from a click on "Next" to film, prediction and first map on the screen."""
    from playwright.sync_api import sync_playwright

    seen: dict[str, list[float]] = {"film": [], "prediction": [], "map": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(locale="en-US", viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.wait_for_selector("#vb-leans p", timeout=120_000)
        unfold(page, "vb-list", "vb-why")
        for _ in range(clicks):
            page.wait_for_timeout(9_000)  # the explanation before has ended
            for name, milliseconds in page.evaluate(_WATCH).items():
                seen[name].append(milliseconds / 1e3)
        browser.close()
    names = {"film": "click_to_film_s", "prediction": "click_to_prediction_s", "map": "click_to_first_map_s"}
    return {names[name]: statistics.median(values) for name, values in seen.items() if values}


def bench_app() -> dict[str, float]:
    """From `python app.py` to the page, to the first prediction over the API, then clicks on the screen."""
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port)}
    started = time.perf_counter()
    app = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(address, timeout=30).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)
        page = time.perf_counter() - started
        client = Client(address, verbose=False)
        case = client.predict(limit=1, api_name="/list_cases")["cases"][0]["case_id"]
        while True:
            try:
                client.predict(case, api_name="/predict")
                break
            except AppError as error:
                if "still loading" not in str(error):
                    raise
                time.sleep(0.1)
        first = time.perf_counter() - started
        warm = median_seconds(lambda: client.predict(case, api_name="/predict"), 10)
        screen = bench_screen(address) if CHROMIUM else {}
    finally:
        app.terminate()
        app.wait()
    return {"app_to_page_s": page, "app_to_first_prediction_s": first, "api_prediction_s": warm, **screen}


def bench_explanations_only(checkpoint: Path, films: int, data: Path | None) -> int:
    """Print the explanations' figures and which bars they pass.

    Args:
        data: Parquet file with real films, laid out as the SIIM corpus; without it the cases that ship.
    """
    from cases.open_store import open_case_store
    from cases.store import CaseFilter
    from evaluation.maps.localisation import marked_films
    from modeling.pipeline import DiagnosisPipeline
    from tests.benchmarks.explanations import BARS as EXPLAINED
    from tests.benchmarks.explanations import bench_explaining

    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    task = pipeline.config.tasks[0]
    if data is None:
        store = open_case_store(None)
        studies = [store.get(row.case_id).study for row in store.page(CaseFilter(), limit=films).rows]
    else:
        studies = [marked.study for marked in marked_films(data, films)]
    figures = bench_explaining(
        pipeline, studies, lambda s: Target(task.name, pipeline.predict(s)[task.name].most_probable)
    )
    rounded = {k: float(np.round(v, 4)) if isinstance(v, float) else v for k, v in figures.items()}
    passed = {k: rounded[k] <= bar for k, bar in EXPLAINED.items() if k in rounded}
    print(
        json.dumps({"checkpoint": checkpoint.name, **rounded, "bars": EXPLAINED, "passed": passed}, indent=2)
    )
    return 0


def main() -> int:
    """Print the figures and which bars they pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "hub_config" / "checkpoints" / "film")
    parser.add_argument("--films", type=int, default=10)
    parser.add_argument(
        "--explanations",
        type=int,
        metavar="FILMS",
        help="only how soon explanations add up beside captum's best, and what checks them (slow)",
    )
    parser.add_argument("--data", type=Path, metavar="FILE.parquet", help="real films for --explanations")
    options = parser.parse_args()
    if options.explanations:
        return bench_explanations_only(options.checkpoint, options.explanations, options.data)
    figures = {**bench_app(), **bench_model(options.checkpoint, options.films)}
    rounded = {k: float(np.round(v, 4)) if isinstance(v, float) else v for k, v in figures.items()}
    passed = {k: rounded[k] <= bar for k, bar in BARS.items() if k in rounded}
    print(json.dumps({**rounded, "bars": BARS, "passed": passed}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
