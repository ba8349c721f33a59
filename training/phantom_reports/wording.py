"""Phantom reports as readers hedge and deny: doubt about what is there, denials, the past, and overcalls."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cases.phantom.streams import chance, pick, shuffled
from modeling.reports.words import sentences
from training.phantom_reports.corpus import FINDINGS, PhantomRow

_WORDS = json.loads(Path(__file__).with_name("wording.json").read_text(encoding="utf-8"))
DOUBTED, OVERCALLED, PAST = 0.2, 0.06, 0.1
"""How often a report doubts what it says, names what is not there, and speaks of another day."""


def hedged_report(row: PhantomRow, rng: np.random.Generator) -> Mapping[str, str]:
    """The row's report with up to three denials of what is absent and now and then a doubt or a slip."""
    said = [row.report["findings"][start:end] for start, end in sentences(row.report["findings"])]
    impression = row.report["impression"]
    if chance(rng, DOUBTED):
        first = said[0].rstrip(".")
        said[0] = pick(rng, _WORDS["doubted"]).format(said=first[:1].lower() + first[1:])
        said[0], impression = said[0][:1].upper() + said[0][1:], "As above."
    absent = shuffled(rng, [name for name in FINDINGS if name not in row.truth])
    names = [_WORDS["words"][name] for name in absent]
    kinds = ["denied"] * int(rng.integers(0, 4))
    kinds += ["past"] * chance(rng, PAST) + ["overcalled"] * chance(rng, OVERCALLED)
    for kind in kinds:
        if len(names) > 1:
            one, other = names.pop(), names[-1]
            told = pick(rng, _WORDS[kind]).format(one=one, other=other)
            said.append(told[:1].upper() + told[1:])
    return {"findings": " ".join(said), "impression": impression}
