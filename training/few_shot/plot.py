"""The table of few films as a picture: how the AUROC rises with the patients that teach."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLOURS = {"as_set": "#0072B2", "fine_tuned": "#0072B2", "probed": "#D55E00"}
"""Told apart by whoever sees few colours (Okabe and Ito 2008); the marks differ too."""
MARKS = {"as_set": "o", "fine_tuned": "o", "probed": "s"}
WORDS = {"as_set": "as the settings say", "fine_tuned": "fine-tuned", "probed": "probed (frozen bodies)"}
DOTS_PER_INCH = 144
POINTS = 11


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Write a PNG with a panel for each task: mean and 95 % interval of each way, each seed as a dot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

    tasks = found["tasks"]
    figure = Figure(figsize=(6.2 * len(tasks), 4.2), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, one) in zip(
        figure.subplots(1, len(tasks), squeeze=False)[0], tasks.items(), strict=True
    ):
        fractions = sorted({row["fraction"] for row in one["rows"]})
        axes.axhline(0.5, color="#777777", linestyle=":", label="a constant answer")
        for way in dict.fromkeys(row["learning"] for row in one["rows"]):
            rows = [row for row in one["rows"] if row["learning"] == way and _drawn(row)]
            _curve(axes, rows, way)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(fractions))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticklabels([_tick(fraction, one["rows"]) for fraction in fractions])
        axes.set_xlim(fractions[0] / 1.5, fractions[-1] * 1.5)
        axes.tick_params(labelsize=POINTS)
        axes.set_xlabel("training patients: share, and how many", fontsize=POINTS)
        axes.set_ylabel("macro AUROC", fontsize=POINTS)
        axes.set_title(f"{name}: {one['films']} {one['side']} films", fontsize=POINTS + 1)
        axes.legend(fontsize=POINTS, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def _drawn(row: Mapping[str, Any]) -> bool:
    return "macro_auroc" in row and row["macro_auroc"]["value"] is not None


def _curve(axes: Any, rows: list[Mapping[str, Any]], way: str) -> None:
    scores = [row["macro_auroc"] for row in rows]
    shift = {"probed": 1.04, "fine_tuned": 0.96}.get(way, 1.0)  # so that intervals stand side by side
    at, means = [row["fraction"] * shift for row in rows], [score["value"] for score in scores]
    below, above = ([abs(s["value"] - s["95"][end]) for s in scores] for end in (0, 1))
    style = {"color": COLOURS[way], "marker": MARKS[way]}
    axes.errorbar(at, means, yerr=[below, above], capsize=3, label=WORDS[way], **style)
    for x, score in zip(at, scores, strict=True):
        seeds = [value for value in score["seeds"] if value is not None]
        axes.scatter([x] * len(seeds), seeds, s=12, alpha=0.45, **style)


def _tick(fraction: float, rows: list[Mapping[str, Any]]) -> str:
    own = [row for row in rows if row["fraction"] == fraction]
    trained = any(_drawn(row) for row in own)
    return f"{percent(fraction)}\n{own[0]['patients'][0]}" + ("" if trained else "\nnot trained")


def percent(fraction: float) -> str:
    """A fraction for readers."""
    return f"{100 * fraction:.4g} %"
