"""The findings that a report's index terms name: MeSH headings, which indexers gave Open-i's reports.

Headings and findings as in TieNet (Wang et al., CVPR 2018); `index_terms.json` lists them. On the 1,892
reports with NegBio gold labels they differ in 6 labels of 24,596, Hernia aside (the gold labels mark none).
"""

import json
from collections.abc import Iterable
from pathlib import Path

from modeling.labels import NIH_FINDINGS

HEADINGS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("index_terms.json").read_text(encoding="utf-8")
)
"""Finding -> MeSH major headings, in lower case; thickening counts where its qualifier is the pleura."""
SAY_NOTHING = frozenset({"no indexing", "technical quality of image unsatisfactory"})
"""Headings of a report that was not indexed, in lower case."""


def findings_of_headings(headings: Iterable[str]) -> tuple[str, ...] | None:
    """The findings that headings such as "Pleural Effusion/left/small" name; () where they name none of the
    14, None where the report was not indexed."""
    terms = [[part.strip() for part in heading.lower().split("/")] for heading in headings]
    terms = [term for term in terms if term[0] not in SAY_NOTHING]
    if not terms:
        return None
    return tuple(name for name in NIH_FINDINGS if any(_names(name, term) for term in terms))


def _names(finding: str, term: list[str]) -> bool:
    of_pleura = finding != "Pleural_Thickening" or any("pleura" in qualifier for qualifier in term[1:])
    return term[0] in HEADINGS[finding] and of_pleura
