"""Findings by name, with synonyms, meaning, place in a hierarchy and ICD-10-CM code (`findings.json`).

The label space `rare_findings` is declared there, from findings that hundreds of the Open-i reports have down
to those that one has. The words are our own; ICD-10-CM is the April 2026 release of CDC and CMS.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from modeling.labels import Task
from modeling.sentence import Name

RARE_FINDINGS = "rare_findings"
ICD_RELEASE = "April 2026"
ICD_CODES: dict[str, tuple[str, str]] = {
    code: tuple(row)
    for code, row in json.loads(Path(__file__).with_name("icd10cm.json").read_text(encoding="utf-8")).items()
}
"""ICD-10-CM code, block or chapter -> (description, the one above it or ""): those of the findings alone."""


@dataclass(frozen=True)
class Code:
    """A chapter, block, category or code of ICD-10-CM with its official English description."""

    code: str
    description: str

    def __str__(self) -> str:
        return f"{self.code} {self.description}"


@dataclass(frozen=True)
class Finding:
    """A finding of a chest film, as reports name it.

    Attributes:
        name: as labels call it; it knows its words in other languages.
        parent: the finding or group that it is a kind of.
        definition: what shows, in one English sentence.
        synonyms: other words of reports for it, in English.
        icd10cm: code, as exact as a film can be; "" for what is no disease, such as a nipple's shadow.
        headings: index terms that name it (`headings.py` says how they are written).
        nih: the NIH class that means the same, or "".
    """

    name: Name
    parent: str
    definition: str
    synonyms: tuple[str, ...]
    icd10cm: str
    headings: tuple[str, ...]
    nih: str = ""

    @property
    def phrases(self) -> tuple[str, ...]:
        """Its name, then its synonyms: what a report may call it."""
        return (str(self.name), *self.synonyms)

    @property
    def icd_path(self) -> tuple[Code, ...]:
        """From the chapter down to its code; () without a code."""
        return tuple(reversed([*_upwards(self.icd10cm)]))


def _upwards(code: str) -> Iterator[Code]:
    while code:
        description, above = ICD_CODES[code]
        yield Code(code, description)
        code = above


@dataclass(frozen=True)
class Knowledge:
    """All findings, by name in the order of the label space, and the groups that stand above them."""

    findings: Mapping[str, Finding]
    groups: Mapping[str, str]  # Name -> definition
    source: str
    words: Mapping[str, str]

    @cached_property
    def task(self) -> Task:
        """The label space of all findings."""
        rows = self.findings.values()
        names, meanings = [row.name for row in rows], [row.definition for row in rows]
        return Task(RARE_FINDINGS, "multilabel", names, meanings, self.source, self.words)

    @cached_property
    def _by_class(self) -> dict[str, Finding]:
        every = self.findings.values()
        found = {_plain(word): row for row in every for word in row.synonyms}
        found |= {_plain(row.nih): row for row in every if row.nih}
        return found | {_plain(row.name): row for row in every}

    def of_class(self, class_name: str) -> Finding | None:
        """The finding that a class of any task names: by its name, by NIH's or by a synonym, whatever the
        case; None for others."""
        return self._by_class.get(_plain(class_name))

    def path(self, finding: Finding) -> tuple[Name, ...]:
        """From the group down to the finding."""
        above = self.findings.get(finding.parent)
        if above is None:
            return (next(name for name in self.groups if name == finding.parent), finding.name)
        return (*self.path(above), finding.name)

    def ancestors(self, finding: Finding) -> tuple[str, ...]:
        """The names above a finding, the group first."""
        return tuple(str(name) for name in self.path(finding)[:-1])


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _named(raw: Mapping[str, Any]) -> Name:
    return Name(raw["name"], raw["words"])


@lru_cache(maxsize=1)
def knowledge() -> Knowledge:
    """What `findings.json` says."""
    raw = json.loads(Path(__file__).with_name("findings.json").read_text(encoding="utf-8"))
    findings = {
        one["name"]: Finding(
            name=_named(one),
            parent=one["parent"],
            definition=one["definition"],
            synonyms=tuple(one["synonyms"]),
            icd10cm=one["icd10cm"],
            headings=tuple(one["headings"]),
            nih=one.get("nih", ""),
        )
        for one in raw["classes"]
    }
    groups = {_named(group): group["definition"] for group in raw["groups"]}
    return Knowledge(findings, groups, raw["source"], raw["words"])


def code_of(label: str) -> str:
    """Code and description of a class, or of several joined by "|"; "" where no code is known."""
    found = (knowledge().of_class(name) for name in label.split("|"))
    return "; ".join(str(one.icd_path[-1]) for one in found if one is not None and one.icd10cm)


def codes_json(classes: Iterable[str]) -> dict[str, Any]:
    """Of each class that is a known finding: its place in our hierarchy and in ICD-10-CM, the widest first.

    `icd10cm` is null for what is no disease.
    """
    known = knowledge()
    found = {str(name): known.of_class(name) for name in classes}
    return {name: coded(finding) for name, finding in found.items() if finding is not None}


def coded(finding: Finding) -> dict[str, Any]:
    """A finding's place in our hierarchy and in ICD-10-CM as JSON."""
    places = [str(name) for name in knowledge().path(finding)]
    path = finding.icd_path
    if not path:
        return {"hierarchy": places, "icd10cm": None}
    code = {"code": path[-1].code, "description": path[-1].description, "path": [str(c) for c in path[:-1]]}
    return {"hierarchy": places, "icd10cm": code}
