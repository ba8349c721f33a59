"""The tables of measured numbers as HTML: no value without its interval and what it must beat."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from interface.language.texts import Language, known, say, word_for
from modeling.render import tables
from modeling.render.tables import Table, Value, part

Show = Callable[[Any], str]
"""A cell -> HTML."""


def table(caption: str, head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already; the first one of a row names it."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
        for row in body
    )
    return (
        f'<p class="vb-sheet-caption" aria-hidden="true">{escape(caption)}</p>'
        f'<div class="vb-sheet-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="vb-sheet"><caption class="vb-unseen">{escape(caption)}</caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def written(value: float | None, digits: int = 3) -> str:
    """A number, or a dash for one that is not there."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


# --- cells


def plain(cell: Value | str) -> str:
    """A number without its interval."""
    return written(cell.value, cell.digits) if isinstance(cell, Value) else cell or "–"


def spanned(cell: Value) -> str:
    """A number and its interval in brackets."""
    low, high = (written(end, cell.digits) for end in cell.ends or (None, None))
    return f"{plain(cell)} [{low}, {high}]"


def small(cell: Value | str) -> str:
    """A number with its interval in small print."""
    if isinstance(cell, str):
        return plain(cell)
    ends = f"[{written(cell.ends[0])}, {written(cell.ends[1])}]" if cell.ends else ""
    return f"{plain(cell)} <small>{ends}</small>"


def gauge(cell: Value, low: float = 0.0, high: float = 1.0) -> str:
    """An interval in digits and as a picture on the scale from `low` to `high`."""
    if not cell.ends or cell.value is None:
        return "–"

    def at(place: float) -> float:
        return 100 * min(max((place - low) / (high - low), 0.0), 1.0)

    left, right, value = map(at, (*cell.ends, cell.value))
    return (
        f"[{written(cell.ends[0])}, {written(cell.ends[1])}]"
        f'<span class="vb-gauge" aria-hidden="true"><i class="vb-band" style="left:{left:.1f}%;'
        f'width:{max(right - left, 1):.1f}%"></i><i class="vb-mark" style="left:{value:.1f}%"></i></span>'
    )


def both(cell: Value, low: float = 0.0, high: float = 1.0) -> str:
    """A number, its interval and the picture of it."""
    return f"{plain(cell)} {gauge(cell, low, high)}"


def _known(key: str, language: Language) -> str:
    """The reader's words for a name out of a file; the name itself where there are none."""
    return escape(say(key, language) if known(key) else key.rpartition(".")[2].replace("_", " "))


def drawn(caption: str, found: Table, language: Language, **show: Show) -> str:
    """A table in the reader's words; empty where it has no rows.

    Args:
        show: column -> how its cells are written, where that is not `plain`.
    """
    keys = ([f"about.{kind}.{name}" for kind in ("column", "metric")] for name in found.columns)
    head = [say(next(filter(known, pair)), language) for pair in keys]
    shows = [show.get(name, plain) for name in found.columns]
    body = [[how(cell) for how, cell in zip(shows, row, strict=True)] for row in found.rows]
    return table(caption, head, body) if body else ""


# --- the tables


def headline_table(title: str, entry: Mapping[str, Any], language: Language) -> str:
    """Every metric that was measured, with its interval and the majority baseline."""
    return drawn(
        title,
        tables.headline_table({**part(entry, "extent"), **entry}),
        language,
        metric=lambda name: _known(f"about.metric.{name}", language),
        value=lambda cell: f"<b>{plain(cell)}</b>",
        interval=gauge,
    )


def class_table(entry: Mapping[str, Any], language: Language) -> str:
    """Every class: how many films, AUROC and average precision."""
    found = tables.class_table(entry).pick("class films auroc average_precision")
    shown = {"auroc": small, "average_precision": small}
    return drawn(say("about.classes", language), found, language, **_class(language), **shown)


def _class(language: Language) -> dict[str, Show]:
    return {"class": lambda name: escape(word_for("class", name, language))}


def group_table(entry: Mapping[str, Any], language: Language) -> str:
    """Macro AUROC by sex, age, view and source, where there are films enough."""
    body = []
    for by, name, films, ranked in tables.group_table(entry).pick("by group films macro_auroc").rows:
        named, few = f"{_known(f'about.group.{by}', language)}: {escape(name)}", isinstance(ranked, str)
        told = (escape(say("about.too_few", language)), "–") if few else (plain(ranked), gauge(ranked))
        body.append((named, plain(films), *told))
    return drawn(say("about.groups", language), Table.of("group films value interval", body), language)


def audit_table(entry: Mapping[str, Any], language: Language) -> str:
    """The small models beside the checkpoint, and by how much it is ahead of each."""
    return drawn(
        say("about.audit.title", language),
        tables.audit_table(entry).pick("model macro_auroc difference p"),
        language,
        model=lambda name: escape(audit_name(name, language)),
        macro_auroc=small,
        difference=lambda cell: both(cell, -0.5, 0.5),
    )


def audit_name(name: str, language: Language) -> str:
    """A small model in the reader's words."""
    key = f"about.audit.row.{name}"
    return say(key, language) if known(key) else name


def point_table(caption: str, entry: Mapping[str, Any], language: Language) -> str:
    """Thresholds chosen on validation films, with what they give there."""
    shown = {**_class(language), "rule": lambda name: _known(f"about.rule.{name}", language)}
    return drawn(caption, tables.point_table(entry), language, **shown)


def map_table(caption: str, found: Mapping[str, Any], language: Language) -> str:
    """Hit rate and mIoU of every map, control and prior."""
    shown = {"map": lambda name: map_name(name, language), "hit": both, "miou": both}
    return drawn(caption, tables.map_table(found).pick("map hit miou"), language, **shown)


def map_name(name: str, language: Language) -> str:
    """A method, control or prior in the reader's words."""
    return _known(f"about.map.{name}" if known(f"about.map.{name}") else f"method.{name}", language)


def fusion_table(caption: str, block: Mapping[str, Any], language: Language) -> str:
    """Every arm with its three metrics and its test against the film alone."""
    shown = dict.fromkeys((*tables.FUSION_METRICS, "ahead_of_film"), small)
    return drawn(
        caption,
        tables.fusion_table(block),
        language,
        arm=lambda name: _known(f"about.arm.{name}", language),
        **shown,
    )
