"""The tables of measured numbers in the reader's words: no value without its interval and what to beat."""

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from interface.html.render import macros, ui, written
from interface.language.texts import Language, known, say, value_word, word_for
from modeling.render import tables
from modeling.render.tables import Table, Value

NAMES = {
    "class": ("class",),
    "rule": ("about.rule",),
    "arm": ("about.arm",),
    "metric": ("about.metric",),
    "model": ("about.audit.row",),
    "map": ("about.map", "method"),
    "held_by": ("modality",),
    "measure": ("about.shortcut",),
}
"""Column of names -> the first parts of the keys that may hold the reader's word for one."""
_FIT = 4
"""Columns that a phone shows side by side."""
HEADS = ("about.column", "about.metric", "about.gain", "about.shortcut")


def cells() -> Any:
    """The macros that draw what stands in a cell."""
    return macros("about_tab/cells.html")


def named(kinds: tuple[str, ...], name: str, language: Language) -> str:
    """The reader's word for a name out of a file; the name itself where there is none."""
    keys = (f"{kind}.{name}" for kind in kinds)
    key = next(filter(known, keys), None)
    return name.replace("_", " ") if key is None else say(key, language)


def plain(cell: Value | str) -> str:
    """A number without its interval."""
    return written(cell.value, cell.digits) if isinstance(cell, Value) else cell or "–"


def gauge(cell: Value, low: float = 0.0, high: float = 1.0) -> str:
    """An interval in digits and as a picture on the scale from `low` to `high`."""
    if not cell.ends or cell.value is None:
        return "–"
    places = (100 * min(max((at - low) / (high - low), 0.0), 1.0) for at in (*cell.ends, cell.value))
    return cells().gauge(cell, *places)


def both(cell: Value, low: float = 0.0, high: float = 1.0) -> Markup:
    """A number, its interval and the picture of it."""
    return Markup("{} {}").format(plain(cell), gauge(cell, low, high))


def _shown(column: str) -> Callable[[Value], str]:
    """How the numbers of a column are written."""
    if column in ("everything", "lost", "twin", "checkpoint"):
        return cells().spanned
    if column in ("auroc", "average_precision", "accuracy", "ahead_of_film", *tables.FUSION_METRICS):
        return cells().small
    shows = {"value": cells().strong, "interval": gauge, "hit": both, "miou": both}
    return shows.get(column, plain) if column != "difference" else lambda cell: both(cell, -0.5, 0.5)


def drawn(caption: str, found: Table, language: Language) -> Markup:
    """A table in the reader's words; empty where it has no rows."""

    def cell(column: str, what: Value | str) -> str:
        if column in NAMES:
            return named(NAMES[column], str(what), language)
        return plain(what) if isinstance(what, str) else _shown(column)(what)

    keys = (next(filter(known, (f"{kind}.{name}" for kind in HEADS)), "") for name in found.columns)
    head = [say(key, language) if key else "" for key in keys]
    body = [[cell(*pair) for pair in zip(found.columns, row, strict=True)] for row in found.rows]
    swipe = say("about.swipe", language) if len(head) > _FIT else ""
    return ui().table(caption, head, body, swipe) if body else Markup("")


def group_table(entry: Mapping[str, Any], language: Language) -> Markup:
    """Macro AUROC by sex, age, view and source, where there are films enough."""
    body = []
    for by, name, films, ranked in tables.group_table(entry).pick("by group films macro_auroc").rows:
        group = word_for("source", name, language) if by == "source" else value_word(name, language)
        group = say("about.of_group", language, by=named(("about.group",), by, language), group=group)
        # an interval from 1 to 1 says how few they are, not how good the checkpoint is
        few = isinstance(ranked, str) or not ranked.ends or ranked.ends[0] == ranked.ends[1]
        told = (say("about.too_few", language), "–") if few else (plain(ranked), gauge(ranked))
        body.append((group, plain(films), *told))
    return drawn(say("about.groups", language), Table.of("group films value interval", body), language)
