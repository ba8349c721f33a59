"""Plots of `metrics.json` as small SVGs, for the card and for the app's panel about the model.

A template and not a plotting library: text stays text (so that a reader's own fonts show Chinese), colours
follow the page, a plot has 2 to 8 kB, and the app need not import a library of 30 MB to draw lines and bars.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hub_config.cards.markdown import part

Say = Callable[[str], str]
Drawing = tuple[str, dict[str, Any]]
"""A macro of `templates/plots.svg`, and what it draws."""
Draw = Callable[[Mapping[str, Any], Say], Drawing | None]

COLOURS = 7
"""The curves of so many classes can be told apart in one plot; more are in `metrics.json` alone."""
_LANGUAGES = Path(__file__).parents[2] / "interface" / "language"
"""The page's languages, one file each; the words of a plot are its strings plot.* and class.*."""


def plots(metrics: Mapping[str, Any], language: str = "en", *, standalone: bool = False) -> dict[str, str]:
    """Every plot that `metrics.json` has the numbers for, name -> SVG.

    Names are `<measurement>-<kind>` such as `appearance-on-siim-reliability`, with the kinds of `_KINDS`; and
    `familiarity`. `standalone`: with a white ground, for a file that is shown as a picture; else colours
    follow the page.
    """
    strings = _strings("en") | _strings(language)

    def say(name: str) -> str:
        return strings.get(f"plot.{name}", strings.get(f"class.{name}", name))

    drawings = {
        f"{slug(title)}-{kind}": (f"{say(kind)}: {title}", draw(summary, say))
        for title, summary in metrics.get("measurements", {}).items()
        for kind, draw in _KINDS.items()
    }
    drawings["familiarity"] = (say("familiarity"), _familiarity(metrics.get("familiarity", {}), say))
    return {name: _svg(title, standalone, *drawn) for name, (title, drawn) in drawings.items() if drawn}


def _svg(title: str, standalone: bool, macro: str, data: Mapping[str, Any]) -> str:
    text = part("plots.svg", macro, {"title": title, "standalone": standalone, **data})
    return "".join(line.strip() for line in text.splitlines())


@cache
def _strings(language: str) -> dict[str, str]:
    return json.loads((_LANGUAGES / f"{language}.json").read_text(encoding="utf-8"))["strings"]


def slug(title: str) -> str:
    """A measurement's title as it stands in a file name."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def _curve(kind: str, score: str, horizontal: str, vertical: str) -> Draw:
    def draw(summary: Mapping[str, Any], say: Say) -> Drawing | None:
        drawn = {name: curve[kind] for name, curve in summary.get("curves", {}).items() if curve}
        values = {name: summary["per_class"][name][score] for name in drawn}
        curves = [(f"{say(n)} {say(score)} {values[n]:.3f}", points) for n, points in drawn.items()]
        axes = (say(horizontal), say(vertical), "0.3" if kind == "roc" else "")
        shown = 0 < len(drawn) <= COLOURS and "reading" not in summary  # of texts the rivals are drawn alone
        return ("curve", {"curves": curves, "axes": axes}) if shown else None

    return draw


def _reliability(summary: Mapping[str, Any], say: Say) -> Drawing | None:
    if not summary.get("reliability"):
        return None
    error = f"{say('expected_calibration_error')} {summary['expected_calibration_error']:.3f}"
    words = {
        "axes": (say("top probability"), say("share right"), "0.4"),
        "caption": f"{error}; {say('circles')}",
    }
    points = [(p, right) for p, right, _ in summary["reliability"]]
    return "reliability", {"bins": summary["reliability"], "points": points, **words}


def _confusion(summary: Mapping[str, Any], say: Say) -> Drawing | None:
    if not summary.get("confusion"):
        return None
    names = [say(name) for name in summary["per_class"]]
    words = {"names": names, "said": say("said"), "label": say("label")}
    return "confusion", {"table": summary["confusion"], **words}


def _rivals(in_reading: bool) -> Draw:
    def draw(summary: Mapping[str, Any], say: Say) -> Drawing | None:
        if not summary.get("audit") or ("reading" in summary) != in_reading:
            return None
        everything = [{"name": "this checkpoint", **summary}, *summary["audit"]]
        rows = [
            (say(r["name"]), r["macro_auroc"], *r["macro_auroc_95"], not k) for k, r in enumerate(everything)
        ]
        return "bars", {"rows": rows, "low": 0.2, "caption": say("macro_auroc")}

    return draw


def _familiarity(found: Mapping[str, Any], say: Say) -> Drawing | None:
    kinds = found.get("kinds", {})
    rows = [(say(name), row["flagged"], None, None, row["expected"]) for name, row in kinds.items()]
    return ("bars", {"rows": rows, "low": 0.0, "caption": say("flagged")}) if found else None


_KINDS: dict[str, Draw] = {
    "reliability": _reliability,
    "roc": _curve("roc", "auroc", "false positive rate", "recall"),
    "precision-recall": _curve("precision_recall", "average_precision", "recall", "precision"),
    "confusion": _confusion,
    "audit": _rivals(in_reading=False),
    "readings": _rivals(in_reading=True),
}
