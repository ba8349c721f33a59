"""Tables of measured numbers as HTML: no value without its interval and what it must beat."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from interface.about_tab.facts import interval, number, part, rows
from interface.language.texts import Language, known, say, word_for

HEADLINES = (
    "macro_auroc",
    "macro_average_precision",
    "accuracy",
    "macro_f1",
    "matthews",
    "quadratic_kappa",
    "spearman",
    "recall_at_fpr_05",
    "recall_at_fpr_10",
    "expected_calibration_error",
    "brier",
)
SUBGROUPS = ("sex", "age", "view", "source")
FUSION_METRICS = ("spearman_extent", "quadratic_kappa", "macro_auroc")


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


def span(entry: Any, key: str, low: float = 0.0, high: float = 1.0) -> str:
    """An interval in digits and as a picture on the scale from `low` to `high`."""
    ends, value = interval(entry, f"{key}_95"), number(entry, key)
    return _span(ends, value, low, high)


def _span(ends: tuple[float, float] | None, value: float | None, low: float, high: float) -> str:
    if ends is None or value is None:
        return "–"

    def at(place: float) -> float:
        return 100 * min(max((place - low) / (high - low), 0.0), 1.0)

    left, right = at(ends[0]), at(ends[1])
    return (
        f"[{written(ends[0])}, {written(ends[1])}]"
        f'<span class="vb-gauge" aria-hidden="true"><i class="vb-band" style="left:{left:.1f}%;'
        f'width:{max(right - left, 1):.1f}%"></i><i class="vb-mark" style="left:{at(value):.1f}%"></i></span>'
    )


def _cell(entry: Any, key: str) -> str:
    return f"{written(number(entry, key))} <small>{_ends(interval(entry, f'{key}_95'))}</small>"


def _ends(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"[{written(ends[0])}, {written(ends[1])}]"


def _known(key: str, language: Language) -> str:
    """The reader's words for a name out of a file; the name itself where there are none."""
    return escape(say(key, language) if known(key) else key.rpartition(".")[2].replace("_", " "))


# --- one task on one corpus


def headline_table(title: str, entry: Mapping[str, Any], language: Language) -> str:
    """Every metric that was measured, with its interval and the majority baseline."""
    majority, extent = part(entry, "majority"), part(entry, "extent")
    shown = {**{k: entry[k] for k in entry if k.startswith("spearman")}, **extent, **entry}
    body = [
        (
            _known(f"about.metric.{key}", language),
            f"<b>{written(number(shown, key))}</b>",
            span(shown, key),
            written(number(majority, key)),
        )
        for key in HEADLINES
        if number(shown, key) is not None
    ]
    names = ("metric", "value", "interval", "majority")
    return table(title, [say(f"about.column.{name}", language) for name in names], body)


def class_table(entry: Mapping[str, Any], language: Language) -> str:
    """Every class: how many films, AUROC and average precision."""
    body = [
        (
            escape(word_for("class", str(name), language)),
            written(number(row, "n"), 0),
            _cell(row, "auroc"),
            _cell(row, "average_precision"),
        )
        for name, row in part(entry, "per_class").items()
    ]
    if not body:
        return ""
    head = [say("about.column.class", language), say("about.column.films", language)]
    head += [say(f"about.metric.{key}", language) for key in ("auroc", "average_precision")]
    return table(say("about.classes", language), head, body)


def group_table(entry: Mapping[str, Any], language: Language) -> str:
    """Macro AUROC by sex, age, view and source, where there are films enough."""
    body = []
    for by in SUBGROUPS:
        for name, row in part(entry, "subgroups", by).items():
            told = span(row, "macro_auroc") if number(row, "macro_auroc") is not None else ""
            value = written(number(row, "macro_auroc")) if told else escape(say("about.too_few", language))
            named = f"{_known(f'about.group.{by}', language)}: {escape(str(name))}"
            body.append((named, written(number(row, "n"), 0), value, told or "–"))
    if not body:
        return ""
    names = ("group", "films", "value", "interval")
    return table(
        say("about.groups", language), [say(f"about.column.{name}", language) for name in names], body
    )


def audit_table(entry: Mapping[str, Any], language: Language) -> str:
    """The small models beside the checkpoint, and by how much it is ahead of each."""
    body = [
        (
            escape(audit_name(str(row.get("name", "")), language)),
            _cell(row, "macro_auroc"),
            f"{written(number(row, 'difference'))} {span(row, 'difference', -0.5, 0.5)}",
            written(number(row, "p")),
        )
        for row in rows(entry, "audit")
    ]
    if not body:
        return ""
    head = [say("about.column.model", language), say("about.metric.macro_auroc", language)]
    head += [say(f"about.column.{name}", language) for name in ("difference", "p")]
    return table(say("about.audit.title", language), head, body)


def audit_name(name: str, language: Language) -> str:
    """A small model in the reader's words."""
    key = f"about.audit.row.{name}"
    return say(key, language) if known(key) else name


def point_table(caption: str, entry: Mapping[str, Any], language: Language) -> str:
    """Thresholds chosen on validation films, with what they give there."""
    body = [
        (
            escape(word_for("class", str(row.get("class_name", "")), language)),
            _known(f"about.rule.{row.get('rule', '')}", language),
            *(written(number(row, key)) for key in ("threshold", "sensitivity", "specificity")),
        )
        for row in rows(entry, "operating_points")
    ]
    if not body:
        return ""
    names = ("class", "rule", "threshold", "sensitivity", "specificity")
    return table(caption, [say(f"about.column.{name}", language) for name in names], body)


# --- maps and fusion


def map_table(caption: str, maps: Mapping[str, Any], language: Language) -> str:
    """Hit rate and mIoU of every map, control and prior."""
    body = []
    for name, row in maps.items():
        cells = [part(row, key) for key in ("hit_rate", "miou")]
        body.append(
            (
                map_name(str(name), language),
                *(
                    f"{written(number(cell, 'value'), 2)} "
                    + _span(interval(cell, "interval_95"), number(cell, "value"), 0.0, 1.0)
                    for cell in cells
                ),
            )
        )
    head = [say(f"about.column.{name}", language) for name in ("map", "hit", "miou")]
    return table(caption, head, body)


def map_name(name: str, language: Language) -> str:
    """A method, control or prior in the reader's words."""
    if known(f"about.map.{name}"):
        return escape(say(f"about.map.{name}", language))
    return _known(f"method.{name}", language)


def fusion_table(caption: str, block: Mapping[str, Any], language: Language) -> str:
    """Every arm with its three metrics and its test against the film alone."""
    body = []
    for name, row in part(block, "rows").items():
        cells = []
        for key in FUSION_METRICS:
            cell = part(row, key)
            cells.append(f"{written(number(cell, 'value'))} <small>{_ends(interval(cell, '95'))}</small>")
        test = part(row, "versus_film", FUSION_METRICS[0])
        p = number(test, "p_holm") if number(test, "p_holm") is not None else number(test, "p")
        ahead = f"{written(number(test, 'value'))} <small>{_ends(interval(test, '95'))}</small>"
        told = (ahead, written(p)) if test else ("–", "–")
        body.append((_known(f"about.arm.{name}", language), *cells, *told))
    head = [say("about.column.arm", language)]
    head += [say(f"about.metric.{key}", language) for key in FUSION_METRICS]
    head += [say(f"about.column.{name}", language) for name in ("ahead_of_film", "p")]
    return table(caption, head, body)
