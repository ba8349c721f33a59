"""Plots of `metrics.json` as small SVGs, for the card and for the app's panel about the model.

Written by hand and not with a plotting library: text stays text (so that a reader's own fonts show Chinese),
colours follow the page, a plot has 2 to 8 kB, and the app need not import a library of 30 MB to draw lines
and bars.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

Say = Callable[[str], str]

_LANGUAGES = Path(__file__).parents[2] / "interface" / "language"
"""The page's languages, one file each; the words of a plot are its strings plot.* and class.*."""

SIDE = 260
MARGIN = 44
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f")
"""Okabe and Ito's, told apart by colour-blind readers; lines also differ in their dashes."""

DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 4", "1 4")
ROW = 26
LABEL_WIDTH = 215
BAR_WIDTH = 300


def plots(metrics: Mapping[str, Any], language: str = "en", *, standalone: bool = False) -> dict[str, str]:
    """Every plot that `metrics.json` has the numbers for.

    Args:
        standalone: with a white ground, for a file that is shown as a picture; else colours follow the page.

    Returns:
        Name -> SVG. Names are `<measurement>-<kind>` such as `appearance-on-siim-reliability`, with the kinds
        reliability, roc, precision-recall, confusion, audit and readings; and `familiarity`.
    """

    strings = _strings("en") | _strings(language)

    def say(name: str) -> str:
        return strings.get(f"plot.{name}", strings.get(f"class.{name}", name))

    found = {}
    for title, summary in metrics.get("measurements", {}).items():
        for kind, draw in _KINDS.items():
            drawing = draw(summary, say)
            if drawing:
                found[f"{slug(title)}-{kind}"] = _svg(*drawing, f"{say(kind)}: {title}", standalone)
    if metrics.get("familiarity"):
        found["familiarity"] = _svg(
            *_familiarity(metrics["familiarity"], say), say("familiarity"), standalone
        )
    return found


@cache
def _strings(language: str) -> dict[str, str]:
    return json.loads((_LANGUAGES / f"{language}.json").read_text(encoding="utf-8"))["strings"]


def slug(title: str) -> str:
    """A measurement's title as it stands in a file name."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


# --- the parts of a drawing --------------------------------------------------------------------------------

Drawing = tuple[list[str], int, int]
"""Elements, width and height."""


def _svg(parts: Sequence[str], width: int, height: int, title: str, standalone: bool) -> str:
    ground = f'<rect width="{width}" height="{height}" fill="#fff"/>' if standalone else ""
    colour = ' color="#222"' if standalone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' role="img"{colour} font-family="system-ui, sans-serif" font-size="11">'
        f"<title>{escape(title)}</title>{ground}{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    place = f'x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{more}'
    return f'<text {place} fill="currentColor">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor"{more}/>'


def _at(x: float, y: float) -> tuple[float, float]:
    """A point of the unit square, in pixels."""
    return MARGIN + x * SIDE, 12 + (1 - y) * SIDE


def _axes(horizontal: str, vertical: str) -> list[str]:
    parts = [
        f'<rect x="{MARGIN}" y="12" width="{SIDE}" height="{SIDE}" fill="none" stroke="currentColor"'
        ' stroke-opacity="0.4"/>'
    ]
    for step in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _at(step, step)
        parts += [_text(x, SIDE + 26, f"{step:g}", "middle"), _text(MARGIN - 6, y + 4, f"{step:g}", "end")]
    middle = 12 + SIDE / 2
    parts.append(_text(MARGIN + SIDE / 2, SIDE + 42, horizontal, "middle"))
    parts.append(_text(12, middle, vertical, "middle", f' transform="rotate(-90 12 {middle:.0f})"'))
    return parts


def _path(points: Sequence[Sequence[float]], k: int) -> str:
    d = " ".join("{:.1f},{:.1f}".format(*_at(x, y)) for x, y in points)
    return (
        f'<polyline points="{d}" fill="none" stroke="{COLOURS[k % len(COLOURS)]}" stroke-width="1.8"'
        f' stroke-dasharray="{DASHES[k % len(DASHES)]}"/>'
    )


# --- the kinds ---------------------------------------------------------------------------------------------


def _curve(
    kind: str, score: str, axes: tuple[str, str]
) -> Callable[[Mapping[str, Any], Say], Drawing | None]:
    def draw(summary: Mapping[str, Any], say: Say) -> Drawing | None:
        drawn = {name: curve[kind] for name, curve in summary.get("curves", {}).items() if curve}
        if not drawn:
            return None
        parts = _axes(say(axes[0]), say(axes[1]))
        if kind == "roc":
            parts.append(_line(*_at(0, 0), *_at(1, 1), ' stroke-opacity="0.3" stroke-dasharray="3 3"'))
        for k, (name, points) in enumerate(drawn.items()):
            y = SIDE + 62 + 16 * k
            parts.append(_path(points, k))
            parts.append(
                f'<line x1="{MARGIN}" y1="{y - 4}" x2="{MARGIN + 28}" y2="{y - 4}" stroke="{COLOURS[k % 7]}"'
                f' stroke-width="2" stroke-dasharray="{DASHES[k % 7]}"/>'
            )
            value = summary["per_class"][name][score]
            parts.append(_text(MARGIN + 36, y, f"{say(name)} {say(score)} {value:.3f}"))
        return parts, MARGIN + SIDE + 16, SIDE + 62 + 16 * len(drawn)

    return draw


def _reliability(summary: Mapping[str, Any], say: Say) -> Drawing | None:
    bins = summary.get("reliability")
    if not bins:
        return None
    parts = _axes(say("top probability"), say("share right"))
    parts.append(_line(*_at(0, 0), *_at(1, 1), ' stroke-opacity="0.4" stroke-dasharray="3 3"'))
    parts.append(_path([(p, right) for p, right, _ in bins], 0))
    most = max(films for _, _, films in bins)
    for p, right, films in bins:
        x, y = _at(p, right)
        radius = 2 + 6 * (films / most) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{COLOURS[0]}" fill-opacity="0.75">'
            f"<title>{films}</title></circle>"
        )
    error = f"{say('expected_calibration_error')} {summary['expected_calibration_error']:.3f}"
    parts.append(_text(MARGIN, SIDE + 62, f"{error}; {say('circles')}"))
    return parts, MARGIN + SIDE + 16, SIDE + 72


def _confusion(summary: Mapping[str, Any], say: Say) -> Drawing | None:
    table = summary.get("confusion")
    if not table:
        return None
    names, cell, left, top = [say(n) for n in summary["per_class"]], 78, 104, 40
    width = left + cell * len(names) + 12
    parts = [_text(left + cell * len(names) / 2, 14, say("said"), "middle"), _text(4, 14, say("label"))]
    for k, name in enumerate(names):
        parts.append(_text(left + cell * (k + 0.5), 32, name, "middle"))
        parts.append(_text(left - 6, top + cell * (k + 0.5) + 4, name, "end"))
        total = sum(table[k]) or 1
        for j, films in enumerate(table[k]):
            x, y = left + cell * j, top + cell * k
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" fill="{COLOURS[0]}"'
                f' fill-opacity="{0.06 + 0.6 * films / total:.2f}"/>'
            )
            parts.append(_text(x + cell / 2, y + cell / 2 - 2, str(films), "middle"))
            parts.append(_text(x + cell / 2, y + cell / 2 + 13, f"{100 * films / total:.0f} %", "middle"))
    return parts, width, top + cell * len(names) + 8


def _bars(rows: Sequence[tuple[str, float, float | None, float | None, bool]], low: float) -> list[str]:
    """Label, value, interval, and whether it is the row that all others stand beside; from `low` to 1."""

    def x(value: float) -> float:
        return LABEL_WIDTH + BAR_WIDTH * (min(max(value, low), 1.0) - low) / (1.0 - low)

    parts = []
    for k, (label, value, down, up, first) in enumerate(rows):
        y = 10 + ROW * k
        parts.append(_text(LABEL_WIDTH - 8, y + 14, label, "end", ' font-weight="600"' if first else ""))
        parts.append(
            f'<rect x="{LABEL_WIDTH}" y="{y + 3}" width="{x(value) - LABEL_WIDTH:.1f}" height="{ROW - 10}"'
            f' fill="{COLOURS[0 if first else 5]}" fill-opacity="0.8"/>'
        )
        if down is not None and up is not None:
            parts.append(_line(x(down), y + 11, x(up), y + 11, ' stroke-width="1.5"'))
        parts.append(_text(LABEL_WIDTH + BAR_WIDTH + 8, y + 14, f"{value:.3f}"))
    bottom = 10 + ROW * len(rows) + 12
    steps = [low + (1 - low) * i / 4 for i in range(5)]
    return parts + [_text(x(step), bottom, f"{step:.2g}", "middle") for step in steps]


def _audit(summary: Mapping[str, Any], say: Say) -> Drawing | None:
    return None if "reading" in summary else _rivals(summary, say)


def _rivals_in_reading(summary: Mapping[str, Any], say: Say) -> Drawing | None:
    return _rivals(summary, say) if "reading" in summary else None


def _rivals(summary: Mapping[str, Any], say: Say) -> Drawing | None:
    if not summary.get("audit"):
        return None
    everything = [{"name": "this checkpoint", **summary}, *summary["audit"]]
    rows = [
        (say(r["name"]), r["macro_auroc"], *r["macro_auroc_95"], k == 0) for k, r in enumerate(everything)
    ]
    height = 10 + ROW * len(rows) + 38
    parts = _bars(rows, 0.2)
    parts.append(_text(LABEL_WIDTH + BAR_WIDTH / 2, height - 6, say("macro_auroc"), "middle"))
    return parts, LABEL_WIDTH + BAR_WIDTH + 56, height


def _familiarity(found: Mapping[str, Any], say: Say) -> Drawing:
    rows = [(say(name), row["flagged"], None, None, row["expected"]) for name, row in found["kinds"].items()]
    height = 10 + ROW * len(rows) + 38
    parts = _bars(rows, 0.0)
    parts.append(_text(LABEL_WIDTH + BAR_WIDTH / 2, height - 6, say("flagged"), "middle"))
    return parts, LABEL_WIDTH + BAR_WIDTH + 56, height


_KINDS: dict[str, Callable[[Mapping[str, Any], Say], Drawing | None]] = {
    "reliability": _reliability,
    "roc": _curve("roc", "auroc", ("false positive rate", "recall")),
    "precision-recall": _curve("precision_recall", "average_precision", ("recall", "precision")),
    "confusion": _confusion,
    "audit": _audit,
    "readings": _rivals_in_reading,
}
