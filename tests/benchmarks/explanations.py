"""How soon explanations add up, what checks them, and what they take in memory: `make bench` calls it.

Captum's best uniform setting is searched in the same run over the same films: every rule it has that can
converge, twice as many steps until it is good enough, and the quickest batch size for each.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from captum.attr import IntegratedGradients

from modeling.explain.study_path import StudyPath
from modeling.labels import Target
from modeling.pipeline import DiagnosisPipeline
from modeling.study import Study
from modeling.trust.scrutiny import Scrutiny

TOLERANCES = (0.05, 0.01)
RULES = ("gausslegendre", "riemann_trapezoid", "riemann_middle")
STEPS = (32, 64, 128, 256, 384)
BATCHES = (4, 8, 16, 32)
CHECKED = 8
"""Films whose trust panel, proofs and second opinions are timed."""
WORTH_TRYING = 6.0
"""A uniform setting that takes so many times as long as ours to 1 % is not searched further."""
MOST = 0.9
"""A uniform setting serves where so many of the films are within the tolerance: nobody knows beforehand which
film needs more."""

BARS = {
    "first_map_s": 0.45,
    "to_5_percent_s": 1.0,
    "to_1_percent_s": 2.0,
    "prove_s": 0.15,
    "trust_panel_s": 6.0,
    "explanation_growth_gb": 1.5,
}

Row = dict[str, float | str | None]


def bench_explaining(pipeline: DiagnosisPipeline, studies: list[Study], target_of: Callable) -> Row:
    """Everything below on the same films."""
    targets = [target_of(study) for study in studies]
    figures: Row = {"explained_films": len(studies)}
    figures |= bench_memory(pipeline, studies[0], targets[0])
    figures |= bench_checks(pipeline, studies[:CHECKED], targets[:CHECKED])
    print(figures, file=sys.stderr)
    return figures | bench_convergence(pipeline, studies, targets)


def bench_convergence(pipeline: DiagnosisPipeline, studies: list[Study], targets: list[Target]) -> Row:
    """Seconds until |delta| is within a tolerance, ours and with captum's best uniform setting."""
    plain = [whole_path(pipeline, s, t) for s, t in zip(studies, targets, strict=True)]
    figures: Row = {}
    for tolerance in TOLERANCES:
        name = f"to_{tolerance:.0%}".replace("%", "_percent")
        first, seconds, nodes, reached = [], [], [], []
        for study, target in zip(studies, targets, strict=True):
            started = time.perf_counter()
            for number, account in enumerate(pipeline.explain(study, target, tolerance=tolerance)):  # noqa: B007
                if number == 0:
                    first.append(time.perf_counter() - started)
            seconds.append(time.perf_counter() - started)
            nodes.append(account.evaluations)
            reached.append(account.relative_delta <= tolerance)
        figures |= {
            "first_map_s": statistics.median(first),
            f"{name}_s": statistics.median(seconds),
            f"{name}_mean_s": statistics.fmean(seconds),
            f"{name}_gradients": statistics.median(nodes),
            f"{name}_reached": float(np.mean(reached)),
        }
    print(figures, file=sys.stderr)
    figures |= captum_best(plain, WORTH_TRYING * float(figures["to_1_percent_mean_s"]))
    for tolerance in TOLERANCES:
        name = f"to_{tolerance:.0%}".replace("%", "_percent")
        for how in ("most", "median"):
            uniform = figures.get(f"captum_{name}_{how}_s")
            if isinstance(uniform, float):
                figures[f"captum_{how}_over_ours_{name}"] = uniform / float(figures[f"{name}_mean_s"])
    return figures


def whole_path(pipeline: DiagnosisPipeline, study: Study, target: Target) -> StudyPath:
    """The same line through the model as it was saved: what captum would be given."""
    light = pipeline.paths(study, target, "black")[0]
    return StudyPath(
        pipeline.model,
        pipeline.processor,
        light.processed,
        light.read,
        target,
        "black",
        pipeline.device,
    )


def captum_best(paths: list[StudyPath], worth: float) -> Row:
    """The quickest rule and number of steps with which most films, and the median film, are good enough.

    Args:
        worth: mean seconds a film beyond which no further steps are tried.
    """
    batch = min(BATCHES, key=lambda b: captum_once(paths[0], "gausslegendre", 32, b)[0])
    best: dict[str, tuple[float, str]] = {}
    gaps: dict[int, float] = {}
    for rule in RULES:
        for steps in STEPS:
            runs = [captum_once(path, rule, steps, batch) for path in paths]
            seconds = statistics.fmean(s for s, _ in runs)
            deltas = [d for _, d in runs]
            print(f"captum {rule} {steps}: {seconds:.2f} s, median {np.median(deltas):.4f}", file=sys.stderr)
            for tolerance in TOLERANCES:
                name = f"captum_to_{tolerance:.0%}".replace("%", "_percent")
                served = float(np.mean([d <= tolerance for d in deltas]))
                for how, good in (("most", served >= MOST), ("median", served >= 0.5)):
                    known = best.get(f"{name}_{how}")
                    if good and (known is None or seconds < known[0]):
                        best[f"{name}_{how}"] = (seconds, f"{rule} {steps}")
            slowest = max((known[0] for known in best.values()), default=worth)
            found_all = len(best) == 2 * len(TOLERANCES)
            gap = float(np.median(deltas))
            if gap > gaps.setdefault(steps, gap):  # another rule does better with as many: drop this one
                break
            if seconds > (min(slowest, worth) if found_all else worth):
                break
    figures: Row = {"captum_batch": float(batch)}
    for name, (seconds, setting) in best.items():
        figures |= {f"{name}_s": seconds, f"{name}_setting": setting}
    return figures


def captum_once(path: StudyPath, rule: str, steps: int, batch: int) -> tuple[float, float]:
    """Seconds and |delta| over |F(x) - F(baseline)| of one run."""
    started = time.perf_counter()
    parts = IntegratedGradients(path.logit).attribute(
        path.inputs, path.baselines, n_steps=steps, method=rule, internal_batch_size=batch
    )
    seconds = time.perf_counter() - started
    change = float(path.logit(*path.inputs)) - float(path.logit(*path.baselines))
    total = sum(float(part.sum()) for part in parts)
    return seconds, abs(total - change) / max(abs(change), 1e-9)


def bench_checks(pipeline: DiagnosisPipeline, studies: list[Study], targets: list[Target]) -> Row:
    """Medians of the trust panel, each of its measures, each second opinion, a proof, and a second look."""
    scrutiny, rows = Scrutiny(pipeline), {}

    def timed(name: str, action: Callable[[], object]) -> object:
        started = time.perf_counter()
        answer = action()
        rows.setdefault(name, []).append(time.perf_counter() - started)
        return answer

    for study, target in zip(studies, targets, strict=True):
        attribution = list(scrutiny.explain(study, target))[-1]
        measures = timed("trust_panel_s", lambda: list(scrutiny.measures(study, target, attribution)))  # noqa: B023
        timed("trust_panel_again_s", lambda: list(scrutiny.measures(study, target, attribution)))  # noqa: B023
        for measure in measures:
            rows.setdefault(f"measure_{measure.name}_s", []).append(measure.seconds)
        region = np.zeros(study.radiograph.shape, bool)
        region[: region.shape[0] // 2, : region.shape[1] // 2] = True
        timed("prove_s", lambda: scrutiny.prove(study, target, attribution, region=region))  # noqa: B023
        timed("shapley_s", lambda: scrutiny.account(study, target, attribution))  # noqa: B023
        for method in (*scrutiny.opinions, "edges", "random_weights"):
            timed(f"opinion_{method}_s", lambda: scrutiny.opinion(study, target, method))  # noqa: B023
    return {name: statistics.median(seconds) for name, seconds in rows.items()}


def bench_memory(pipeline: DiagnosisPipeline, study: Study, target: Target) -> Row:
    """How far one explanation to its budget's end lifts the process's peak memory, in GB (Linux only)."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not status.exists():
        return {}
    list(pipeline.explain(study, target, tolerance=0.05))  # buffers that stay are no growth
    reset.write_text("5")  # the peak starts anew from here
    before = _kilobytes(status, "VmRSS")
    list(pipeline.explain(study, target, tolerance=1e-9))
    return {"explanation_growth_gb": (_kilobytes(status, "VmHWM") - before) / 1e6}


def _kilobytes(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))
