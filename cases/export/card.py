"""What went into an export and what stayed behind, and the data card that says so."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modeling.labels import TASKS

HUB_LICENCES = {
    "cc0 1.0": "cc0-1.0",
    "cc by 4.0": "cc-by-4.0",
    "cc by 3.0": "cc-by-3.0",
    "cc by sa 4.0": "cc-by-sa-4.0",
    "cc by nc 4.0": "cc-by-nc-4.0",
    "cc by nc sa 4.0": "cc-by-nc-sa-4.0",
    "apache 2.0": "apache-2.0",
}
"""A licence's name, in lower case and without hyphens or brackets -> its identifier on the Hub."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))


@dataclass
class Account:
    """Cases taken and left, counted as they pass.

    Attributes:
        store: where they come from, without any secret.
        films: encoding and bit depth -> films.
        left: (source, reason) -> cases.
    """

    store: str
    cases: int = 0
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)
    synthetic: int = 0
    patients: set[tuple[str, str]] = field(default_factory=set)
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    films: Counter[str] = field(default_factory=Counter)
    attributions: Counter[str] = field(default_factory=Counter)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)

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

    def leave_out(self, source: str, reason: str) -> None:
        """A case that stays."""
        self.left[source, reason] += 1

    def figures(self) -> dict[str, Any]:
        """The account as plain values."""
        return {
            "cases": self.cases,
            "patients": len(self.patients),
            "sources": {f"{source} ({licence})": n for (source, licence), n in self.sources.items()},
            "left_out": {f"{source}: {reason}": n for (source, reason), n in self.left.items()},
        }


def card(account: Account, name: str, folder: str = "PLACE") -> str:
    """The README of an export: front matter that the Hub and `datasets` read, then the account.

    Args:
        folder: where the data set lies, for the line of code that loads it.
    """
    return (
        "\n\n".join(
            [
                _front_matter(account, name),
                f"# {_one_line(name)}",
                "Chest film cases: each with its film, clinical table, text by section, reference labels,"
                " every reading that is known, its licence and where it comes from."
                " **For teaching and research. Not for diagnosis.**",
                f"{account.cases} cases of {len(account.patients)} known patients;"
                f" {account.synthetic} are synthetic.",
                _table(
                    ("source", "licence", "cases"), [(*key, n) for key, n in sorted(account.sources.items())]
                ),
                "## Films\n\n" + _table(("film", "cases"), sorted(account.films.items())),
                "## Reference labels\n\n" + _labels(account),
                "## Attribution\n\n" + _list(account.attributions),
                "## Left out\n\n" + _left(account),
                _COLUMNS,
                _USE.format(folder=_one_line(folder)),
            ]
        )
        + "\n"
    )


_COLUMNS = """## Columns

| column | holds |
|---|---|
| `case_id` | the case's name |
| `source` | the set it belongs to |
| `appearance`, `grading`, `findings` | reference label, or nothing |
| `licence`, `may_show` | terms of the film; whether it may be put before readers |
| `synthetic` | whether the film is computed |
| `thumbnail` | JPEG of at most 96 px, for lists |
| `image` | the film's file as it was stored, 8 or 16 bits, losslessly |
| `regions` | boxes that readers drew: reader, label, and left, top, width, height as shares of the film |
| `document` | all of it as JSON: table with units, text, report, readings, ratings, geometry, provenance |"""
_USE = """## Use

```python
from datasets import load_dataset

cases = load_dataset("{folder}", split="train")
```

Films keep their stored values: `document` says how they become brightness (`photometric`, `rescale`,
`window`, `voi_lut`). Set `CASES_FOLDER` to this folder to look at the cases in Viewbox."""


def _front_matter(account: Account, name: str) -> str:
    names = sorted({licence for _, licence in account.sources})
    identifiers = {HUB_LICENCES.get(re.sub(r"\s*\(.*\)|-", " ", n.lower()).strip()) for n in names}
    known = identifiers.pop() if len(identifiers) == 1 else None
    lines = ["---", f"license: {known or 'other'}"]
    if known is None:
        lines.append(f"license_name: {_quoted(', '.join(names) or 'none')}")
    lines += [
        f"pretty_name: {_quoted(name)}",
        "size_categories:",
        f"- {next((text for limit, text in _SIZES if account.cases < limit), '1M<n<10M')}",
        "task_categories:",
        "- image-classification",
        "tags:",
        "- chest-x-ray",
        "- multimodal",
        "- viewbox",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        "    path: cases-*.parquet",
        "---",
    ]
    return "\n".join(lines)


def _labels(account: Account) -> str:
    ordered = [(t, c) for t, task in TASKS.items() for c in task.classes if account.labels[str(t), c]]
    return _table(("task", "class", "cases"), [(*key, account.labels[key]) for key in ordered])


def _left(account: Account) -> str:
    if not account.left:
        return "No case was left out."
    rows = [(*key, n) for key, n in sorted(account.left.items())]
    return _table(("source", "because", "cases"), rows)


def _list(counts: Mapping[str, int]) -> str:
    return (
        "\n".join(f"- {_one_line(text)} ({n})" for text, n in sorted(counts.items())) or "None is asked for."
    )


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
