"""`viewbox cards`: measure a checkpoint, write its card, and renew the pages that show its numbers."""

import json
from pathlib import Path

from hub_config.cards.card import CHECKPOINTS, METRICS_FILE, read_beside, read_metrics, write
from hub_config.cards.markdown import part

TREE = Path(__file__).parents[2]


def write_cards(checkpoint: Path, data: Path | None = None) -> list[Path]:
    """Write a checkpoint's card anew, and the pages that show its numbers; returns the files written.

    With `data`, a folder with the corpora, it is measured again first.

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
    measured = [path for path in sorted(checkpoints.iterdir()) if (path / METRICS_FILE).is_file()]
    folders = {path.name: {"metrics": read_metrics(path), **read_beside(path)} for path in measured}
    for section in PAGES[name]:
        before, rest = text.split(f"<!-- {section} -->")
        _, after = rest.split(f"<!-- /{section} -->")
        new = part("pages.md", section, folders)
        text = f"{before}<!-- {section} -->\n{new}<!-- /{section} -->{after}"
    return text


PAGES = {
    "README.md": ("headline",),
    "docs/results.md": ("results", "fusion", "maps", "shortcut"),
    "docs/reports.md": ("text",),
}
"""Page of this tree -> the parts that are written between its markers, macros of `templates/pages.md`."""
