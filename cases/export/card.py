"""The account of an export, of what went and what stayed behind, and the data card that says so."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling.labels import TASKS

_HUB_LICENCES = (
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-3.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "apache-2.0",
)
"""Identifiers of the Hub, which names in lower case without brackets spell with hyphens."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))


_TEMPLATE = Path(__file__).with_name("card.md")


@dataclass
class Account:
    """Cases taken and left, counted as they pass."""

    store: str
    cases: int = 0
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)  # by source and licence
    synthetic: int = 0
    patients: set[tuple[str, str]] = field(default_factory=set)
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    films: Counter[str] = field(default_factory=Counter)  # by encoding and bit depth
    attributions: Counter[str] = field(default_factory=Counter)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)  # by source and reason

    def take(self, document: Mapping[str, Any]) -> None:
        """A case that is handed out."""
        provenance, film = document["provenance"], document["film"]
        self.cases += 1
        self.sources[provenance["source"], document["licence"]["name"]] += 1
        self.synthetic += provenance["synthetic"] is True
        if provenance["patient"]:
            self.patients.add((provenance["source"], provenance["patient"]))
        self.labels.update((task, str(name)) for task, name in document["reference"].items())
        self.films[f"{film['bits_stored']}-bit {film['encoding'].upper()}" if film else "no film"] += 1
        if provenance["attribution"]:
            self.attributions[provenance["attribution"]] += 1

    def figures(self) -> dict[str, Any]:
        """The account as plain values."""
        return {
            "cases": self.cases,
            "patients": len(self.patients),
            "sources": {f"{source} ({licence})": n for (source, licence), n in self.sources.items()},
            "left_out": {f"{source}: {reason}": n for (source, reason), n in self.left.items()},
        }


def card(account: Account, name: str, folder: str = "PLACE") -> str:
    """The README of an export: front matter, then the account; `folder` is where its code loads it from."""
    labels = [(t, c) for t, task in TASKS.items() for c in task.classes if account.labels[str(t), c]]
    attributions = [f"- {_one_line(text)} ({n})" for text, n in sorted(account.attributions.items())]
    left = _table(("source", "because", "cases"), _keyed(account.left)) if account.left else ""
    return _TEMPLATE.read_text("utf-8").format(
        licence=_licence(account),
        pretty_name=_quoted(name),
        size=next((text for limit, text in _SIZES if account.cases < limit), "1M<n<10M"),
        name=_one_line(name),
        cases=account.cases,
        patients=len(account.patients),
        synthetic=account.synthetic,
        sources=_table(("source", "licence", "cases"), _keyed(account.sources)),
        films=_table(("film", "cases"), sorted(account.films.items())),
        labels=_table(("task", "class", "cases"), [(*key, account.labels[key]) for key in labels]),
        attributions="\n".join(attributions) or "None is asked for.",
        left=left or "No case was left out.",
        folder=_one_line(folder),
    )


def _licence(account: Account) -> str:
    """The licence in front matter: as the Hub calls it where it is one, else the names of all."""
    names = sorted({licence for _, licence in account.sources})
    known = {"-".join(re.sub(r"\(.*\)|-", " ", name.lower()).split()) for name in names}
    if len(known) == 1 and known <= {*_HUB_LICENCES}:
        return f"license: {known.pop()}"
    return f"license: other\nlicense_name: {_quoted(', '.join(names) or 'none')}"


def _keyed(counts: Mapping[tuple[str, str], int]) -> list[tuple[Any, ...]]:
    return [(*key, n) for key, n in sorted(counts.items())]


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(_one_line(str(cell)) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Text that cannot leave its table cell or line."""
    return " ".join(text.split()).replace("|", "\\|")


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
