"""`viewbox cards`: measure a checkpoint, write its card, and renew the pages that show its numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_config.cards import map_sections, text_sections
from hub_config.cards.card import (
    CHECKPOINTS,
    MAPS_FILE,
    METRICS_FILE,
    SHORTCUT_FILE,
    WEAK_FILE,
    read_beside,
    read_metrics,
    write,
)
from hub_config.cards.film_sections import Numbers, interval, number, table
from hub_config.cards.fusion_table import FUSION_FILE, fusion_markdown

TREE = Path(__file__).parents[2]
_HEAD = (
    "measured on", "films (patients)", "macro AUROC", "average precision", "accuracy (majority)",
    "calibration error", "strongest beside it",
)  # fmt: skip


def write_cards(checkpoint: Path, data: Path | None = None) -> list[Path]:
    """Write a checkpoint's card anew, and the pages that show its numbers.

    Args:
        data: folder with the corpora: measure again first.

    Returns:
        The files that were written.

    Raises:
        ViewboxError: the folder has not been measured yet, or cannot be.
    """
    if data is not None:
        from evaluation.checkpoint import measure  # a card alone needs no torch

        text = json.dumps(measure(checkpoint, data), indent=1)
        (checkpoint / METRICS_FILE).write_text(text + "\n")
    write(checkpoint)
    written = [checkpoint / "README.md"]
    for name in PAGES:
        if (page := TREE / name).is_file():  # an installed Viewbox has none
            page.write_text(renewed(name, page.read_text(), CHECKPOINTS))
            written.append(page)
    return written


def renewed(name: str, text: str, checkpoints: Path) -> str:
    """A page with every part between its two markers as it was measured.

    Args:
        name: which page, a key of `PAGES`.
        text: the page as it stands.
        checkpoints: folder of checkpoint folders.
    """
    folders = [path for path in sorted(checkpoints.iterdir()) if (path / METRICS_FILE).is_file()]
    for part in PAGES[name]:
        before, rest = text.split(f"<!-- {part} -->")
        _, after = rest.split(f"<!-- /{part} -->")
        text = f"{before}<!-- {part} -->\n{_PARTS[part](folders)}<!-- /{part} -->{after}"
    return text


def _beside(folders: list[Path], name: str) -> dict[str, dict[str, Any]]:
    return {folder.name: found for folder in folders if (found := read_beside(folder, name))}


def _headline(folders: list[Path]) -> str:
    """Of the checkpoint for real films, what was measured on test films."""
    rows = [
        row
        for folder in folders
        if folder.name == "film"
        for row in _rows(read_metrics(folder)["measurements"])
        if row[0].endswith("(test)")
    ]
    return table(_HEAD, rows)


def _results(folders: list[Path]) -> str:
    return "\n".join(
        f"**{folder.name}** ([card](../hub_config/checkpoints/{folder.name}/README.md))\n\n"
        + table(_HEAD, _rows(read_metrics(folder)["measurements"]))
        for folder in folders
    )


def _rows(measurements: Mapping[str, Numbers]) -> list[tuple[str, ...]]:
    """Each measurement beside the strongest model that never sees the lungs."""
    return [
        (
            f"{title} ({s['split']})",
            f"{s['n']} ({s['patients']})",
            f"{number(s['macro_auroc'])} ({interval(s['macro_auroc_95'])})",
            f"{number(s['macro_average_precision'])} ({interval(s['macro_average_precision_95'])})",
            f"{number(s['accuracy'])} ({number(s['majority']['accuracy'])})" if "accuracy" in s else "-",
            number(s["expected_calibration_error"]),
            _strongest(s),
        )
        for title, s in measurements.items()
    ]


def _strongest(summary: Numbers) -> str:
    rivals = [row for row in summary.get("audit", []) if row["sees"] != "this checkpoint"]
    if not rivals:
        return "-"
    best = max(rivals, key=lambda row: row["macro_auroc"] or 0.0)
    return f"{best['name']} {number(best['macro_auroc'])} (p {number(best['p'])})"


def _maps(folders: list[Path]) -> str:
    found = _beside(folders, MAPS_FILE)
    return map_sections.maps_of_all(found) if found else "Not measured.\n"


def _text(folders: list[Path]) -> str:
    found = {f.name: (read_metrics(f), read_beside(f, WEAK_FILE)) for f in reversed(folders)}
    return text_sections.docs_part({n: both for n, both in found.items() if "benchmark" in both[0]})


_PARTS = {
    "headline": _headline,
    "results": _results,
    "fusion": lambda folders: "".join(map(fusion_markdown, _beside(folders, FUSION_FILE).values())),
    "maps": _maps,
    "shortcut": lambda folders: "\n".join(
        map(map_sections.shortcut, _beside(folders, SHORTCUT_FILE).values())
    ),
    "text": _text,
}
PAGES = {
    "README.md": ("headline",),
    "docs/results.md": ("results", "fusion", "maps", "shortcut"),
    "docs/reports.md": ("text",),
}
"""Page of this tree -> the parts that are written between its markers."""
