"""Speed as JSON: `make bench`. Every figure stands beside a bare one from the same run.

Measured on whatever machine it runs on; quote ratios, not milliseconds, where another machine is meant.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
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
    from captum.attr import IntegratedGradients

    from cases.store import CaseFilter, open_case_store
    from modeling.pipeline import DiagnosisPipeline

    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    store = open_case_store(None)
    ids = [row.case_id for row in store.page(CaseFilter(), limit=films).rows]
    studies = [store.get(case_id).study for case_id in ids]
    study = studies[0]
    inputs = pipeline.processor(study).inputs
    image = inputs.image.contiguous(memory_format=torch.channels_last)
    backbone = pipeline.model.encoders["image"].backbone
    with torch.inference_mode():
        bare = median_seconds(lambda: backbone.forward_features(image), 20)
    predicted = median_seconds(lambda: pipeline.predict(study), 20)
    target = next(t for t in pipeline.targets if t.class_name == pipeline.predict(study).tasks[0].most_probable)
    first, first_gaps, final, final_gaps = [], [], [], []
    for one in studies:
        started = time.perf_counter()
        refinements = pipeline.explain(one, target)
        attribution = next(refinements)
        first.append(time.perf_counter() - started)
        first_gaps.append(attribution.relative_delta)
        for attribution in refinements:
            pass
        final.append(time.perf_counter() - started)
        final_gaps.append(attribution.relative_delta)

    def logit(x: torch.Tensor) -> torch.Tensor:
        masks = type(inputs)(**{n: t.expand(len(x), *t.shape[1:]) for n, t in vars(inputs).items()})
        embedded = pipeline.model.embed(masks)
        return pipeline.model.forward_embedded(type(embedded)(x, embedded.fields, embedded.tokens), masks)[
            str(target.task)
        ][:, 0]

    method = IntegratedGradients(logit)
    black = torch.full_like(image, -pipeline.processor.config.image.mean / pipeline.processor.config.image.std)
    started = time.perf_counter()
    _, delta = method.attribute(image, black, return_convergence_delta=True)
    defaults = time.perf_counter() - started
    with torch.no_grad():
        change = float(logit(image) - logit(black))
    return {
        "checkpoint": checkpoint.name,
        "threads": torch.get_num_threads(),
        "films": len(studies),
        "bare_forward_ms": bare * 1e3,
        "prediction_ms": predicted * 1e3,
        "prediction_over_bare_forward": predicted / bare,
        "first_map_s": statistics.median(first),
        "first_map_gap": statistics.median(first_gaps),
        "final_map_s": statistics.median(final),
        "final_map_gap": statistics.median(final_gaps),
        "captum_defaults_s": defaults,
        "captum_defaults_gap": abs(float(delta)) / max(abs(change), 1e-9),
        "first_map_over_captum_defaults": statistics.median(first) / defaults,
    }


def bench_app() -> dict[str, float]:
    """From `python app.py` to the page, to the first prediction over the API, to one on the screen."""
    import httpx
    from app_server import free_port  # tests/app_server.py
    from gradio_client import Client

    port = free_port()
    environment = {**__import__("os").environ, "GRADIO_SERVER_PORT": str(port)}
    started = time.perf_counter()
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        while True:
            try:
                if httpx.get(address, timeout=30).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.02)
        page = time.perf_counter() - started
        client = Client(address, verbose=False)
        case = client.predict(limit=1, api_name="/list_cases")["cases"][0]["case_id"]
        client.predict(case, api_name="/predict")
        first = time.perf_counter() - started
        warm = median_seconds(lambda: client.predict(case, api_name="/predict"), 10)
    finally:
        app.terminate()
        app.wait()
    return {"app_to_page_s": page, "app_to_first_prediction_s": first, "api_prediction_s": warm}


def main() -> int:
    """Print the figures and which bars they pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "hub_config" / "checkpoints" / "film")
    parser.add_argument("--films", type=int, default=10)
    options = parser.parse_args()
    figures = {**bench_app(), **bench_model(options.checkpoint, options.films)}
    rounded = {k: float(np.round(v, 4)) if isinstance(v, float) else v for k, v in figures.items()}
    passed = {k: rounded[k] <= bar for k, bar in BARS.items() if k in rounded}
    print(json.dumps({**rounded, "bars": BARS, "passed": passed}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
