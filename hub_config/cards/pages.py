"""`viewbox cards`: measure a checkpoint, write its card, and renew the pages that show its numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub_config.cards.card import CHECKPOINTS, METRICS_FILE, read_beside, read_metrics, write
from hub_config.cards.markdown import part

TREE = Path(__file__).parents[2]
Folders = Sequence[Path]


def write_cards(checkpoint: Path, data: Path | None = None) -> list[Path]:
    """Write a checkpoint's card anew, and the pages that show its numbers; returns the files written.

    Args:
        data: folder with the corpora: measure again first.

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
    """The text of a page of `PAGES` with every part between its two markers as it was measured."""
    folders = [path for path in sorted(checkpoints.iterdir()) if (path / METRICS_FILE).is_file()]
    for section in PAGES[name]:
        before, rest = text.split(f"<!-- {section} -->")
        _, after = rest.split(f"<!-- /{section} -->")
        text = f"{before}<!-- {section} -->\n{_PARTS[section](folders)}<!-- /{section} -->{after}"
    return text


def _beside(folders: Folders, name: str) -> dict[str, dict[str, Any]]:
    return {folder.name: found for folder in folders if (found := read_beside(folder, name))}


def _headline(folders: Folders) -> str:
    """Of the checkpoint for real films, what was measured on test films."""
    measured = [read_metrics(folder)["measurements"] for folder in folders if folder.name == "film"]
    return "".join(part("films.md", "overview", found, "test") for found in measured)


def _results(folders: Folders) -> str:
    return "\n".join(
        f"**{folder.name}** ([card](../hub_config/checkpoints/{folder.name}/README.md))\n\n"
        + part("films.md", "overview", read_metrics(folder)["measurements"])
        for folder in folders
    )


def _text(folders: Folders) -> str:
    found = {f.name: (read_metrics(f), read_beside(f, "weak_labels")) for f in reversed(folders)}
    return part("texts.md", "overview", {n: both for n, both in found.items() if "benchmark" in both[0]})


def _fusion(folders: Folders) -> str:
    return "".join(part("fusion.md", "comparison", f) for f in _beside(folders, "fusion_comparison").values())


def _shortcut(folders: Folders) -> str:
    return "\n".join(part("maps.md", "shortcut", found) for found in _beside(folders, "shortcut").values())


_PARTS = {
    "headline": _headline,
    "results": _results,
    "fusion": _fusion,
    "maps": lambda folders: part("maps.md", "overview", _beside(folders, "localisation")),
    "shortcut": _shortcut,
    "text": _text,
}
PAGES = {
    "README.md": ("headline",),
    "docs/results.md": ("results", "fusion", "maps", "shortcut"),
    "docs/reports.md": ("text",),
}
"""Page of this tree -> the parts that are written between its markers."""
