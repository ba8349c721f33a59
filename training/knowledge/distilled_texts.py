"""What the small encoder learns to read: reports, findings' words, a table of diseases, and daily life.

Reports alone would not do: their encoder would take "the printer is broken" for a fracture, since it never
met a printer. So there are codes' descriptions (where `simple-icd-10-cm` is installed) and everyday phrases
of our own (`distilled_texts.json`).
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modeling.errors import ViewboxError
from modeling.findings.icd10cm import whole_table
from modeling.findings.knowledge import knowledge
from modeling.findings.reader import sentenced
from modeling.progress import progress
from modeling.reports.report import Report
from training.corpora.reports import fold_of

_RAW: Mapping[str, list[str]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
EVERYDAY, CODED = 4_500, 4_500
"""Texts at most of either kind."""
AROUND = 6
"""Of the phrases around a finding's word, beside itself and its denial."""
REPORTED, KNOWN = 3.0, 2.0
"""How much a report's sentence and a finding's words count; others count 1."""


@dataclass(frozen=True, eq=False)
class DistilledTexts:
    """N texts, how much each counts (N,), and the one fold whose reports have it ((N,); -1: others too)."""

    texts: tuple[str, ...]
    weights: np.ndarray
    fold: np.ndarray


def distilled_texts(reports: Sequence[Report], seed: int = 0) -> DistilledTexts:
    """All texts, each once; of each report's sentence also some words in a row."""
    chance = random.Random(seed)
    folds: dict[str, set[int]] = {}
    counts: dict[str, float] = {}
    for report in progress(reports, "cutting sentences", unit="report"):
        for text in sentenced(report).texts:
            folds.setdefault(text, set()).add(int(fold_of(report.report_id)))
    for text in list(folds):
        counts[text] = REPORTED
        words = text.strip(".").split()
        if len(words) > 4:
            size = chance.randint(2, 6)
            start = chance.randint(0, max(0, len(words) - size))
            part = " ".join(words[start : start + size]).strip(",;")
            folds.setdefault(part, set()).update(folds[text])
            counts.setdefault(part, 1.0)
    for text in _known(chance):
        counts[text] = max(KNOWN, counts.get(text, 0.0))
        folds.pop(text, None)
    for text in (*_coded(chance), *_everyday(chance)):
        counts.setdefault(text, 1.0)
        folds.pop(text, None)
    texts = tuple(sorted(counts))
    alone = [next(iter(found)) if len(found := folds.get(text, {-1})) == 1 else -1 for text in texts]
    return DistilledTexts(texts, np.array([counts[text] for text in texts]), np.array(alone))


def _known(chance: random.Random) -> Iterable[str]:
    plain, denied, *around = _RAW["around_a_finding"]
    for finding in knowledge().findings.values():
        for phrase in map(str.lower, finding.phrases):
            yield from (form.format(phrase) for form in (plain, denied, *chance.sample(around, AROUND)))
        yield finding.definition.lower()
    yield from (definition.lower() for definition in knowledge().groups.values())


def _coded(chance: random.Random) -> list[str]:
    try:
        table = whole_table()
    except ViewboxError:  # the card says which texts there were
        return []
    starts = tuple(_RAW["icd10cm"])
    codes = (code for code in table.get_all_codes(False) if code.startswith(starts) and len(code) <= 6)
    texts = sorted({table.get_description(code).lower().split(", initial")[0] for code in codes})
    chance.shuffle(texts)
    return texts[:CODED]


def _everyday(chance: random.Random) -> list[str]:
    found: dict[str, None] = dict.fromkeys(_RAW["everyday"])
    while len(found) < EVERYDAY:
        form = chance.choice(_RAW["about_things"])
        holes = form.count("{}")
        second = (
            "states"
            if "is {}" in form or "was {}" in form or form.startswith(("a ", "buy", "paint"))
            else "things"
        )
        words = [chance.choice(_RAW["things"]), *(chance.choice(_RAW[second]) for _ in range(holes - 1))]
        found[form.format(*words)] = None
    return list(found)
