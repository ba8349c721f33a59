"""Numbers and tables as Markdown: the filters of the templates beside this module, and what fills them."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

from modeling.explain.registry import map_methods
from modeling.render import tables
from modeling.render.tables import Table, Value, measured

INDEXED: dict[str, dict[str, Any]] = {
    "macro_auroc": {"type": "roc_auc", "args": {"average": "macro", "multi_class": "ovr"}},
    "macro_average_precision": {"type": "average_precision", "args": {"average": "macro"}},
    "accuracy": {"type": "accuracy"},
    "macro_f1": {"type": "f1", "args": {"average": "macro"}},
    "expected_calibration_error": {"type": "expected_calibration_error"},
}
"""The metrics that the Hub's results table shows, as it calls them, with the arguments of its functions."""
HUB_METRICS = ("roc_auc", "accuracy", "f1")
"""Those of them that the Hub has an entry for."""


def filled(template: str, **values: Any) -> str:
    """One of the templates beside this module."""
    return _environment().get_template(template).render(**values)


def part(template: str, macro: str, *values: Any) -> str:
    """One part of a card or one plot, by the macro that writes it.

    Raises:
        ValueError: a number that it names is not there.
    """
    try:
        return str(getattr(_environment().get_template(template).module, macro)(*values))
    except UndefinedError as exc:
        raise ValueError(f"{template} lacks a number: {exc}") from exc


@cache
def words() -> dict[str, dict[str, str]]:
    """The words of cards for names out of files, and the terms of each corpus."""
    return json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))


@cache
def _environment() -> Environment:
    how = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    made = Environment(loader=loader, undefined=StrictUndefined, **how)
    made.filters |= {name: f for name, f in vars(tables).items() if name.endswith(("_table", "_verdict"))}
    made.filters |= {f.__name__: f for f in (number, interval, percent, wide, bracketed, cell, markdown)}
    made.filters["xml"] = escape
    maps = {f"{m.name}_{start}": f"{m.title} from {start}" for m in map_methods() for start in m.starts}
    maps |= {m.name: m.title for m in map_methods()} | words()["prior"]
    made.globals |= {"words": words(), "MAPS": maps, "INDEXED": INDEXED, "HUB_METRICS": HUB_METRICS}
    return made


# --- filters


def number(value: float | None, digits: int = 3) -> str:
    """A number as it stands in a table; a dash where it is not defined."""
    return "-" if value is None else f"{value:.{digits}f}"


def interval(pair: Sequence[float | None] | None) -> str:
    """`low to high`."""
    return f"{number(pair[0])} to {number(pair[1])}" if pair and pair[0] is not None else "-"


def percent(share: float | None, digits: int = 0) -> str:
    """A share in percent."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def wide(row: Mapping[str, Any], key: str) -> str:
    """`0.988 (0.985 to 0.991)`."""
    return f"{number(row[key])} ({interval(row.get(f'{key}_95', row.get(f'{key}_interval')))})"


def bracketed(entry: Mapping[str, Any], digits: int = 2) -> str:
    """`0.85 [0.75, 0.94]`."""
    return cell(measured(entry, digits), brackets=True)


def cell(found: Value | str, brackets: bool = False, sign: str = "") -> str:
    """A cell of a table."""
    if isinstance(found, str):
        return found
    if not brackets:
        plain = number(found.value, found.digits)
        return plain if found.ends == () else f"{plain} ({interval(found.ends)})"
    ends = () if found.ends == () else found.ends or (None, None)
    value, *rest = (
        "-" if x is None else f"{x:{sign}.{found.digits}f}".replace("-", "−") for x in (found.value, *ends)
    )
    return f"{value} [{', '.join(rest)}]" if rest else value


def markdown(
    found: Table,
    head: str,
    names: Mapping[str, str] | None = None,
    *,
    brackets: bool = False,
    signed: str = "",
) -> str:
    """A Markdown table; empty where it has no rows.

    `head`: the columns in words, with | between them. `names`: the first cell of a row -> its words.
    `brackets`: intervals in brackets, not in words. `signed`: the column whose numbers say + too.
    """
    lines = [f"| {head.replace('|', ' | ')} |", "|" + "---|" * len(found.columns)]
    for first, *rest in found.rows:
        cells = [
            interval(one.ends) if name == "interval" else cell(one, brackets, "+" if name == signed else "")
            for name, one in zip(found.columns[1:], rest, strict=True)
        ]
        lines.append(f"| {' | '.join([(names or {}).get(first, first), *cells])} |")
    return "\n".join(lines) + "\n" if found.rows else ""
