"""What a report's index terms (MeSH headings) say of the findings in `findings.json`.

A rule is a heading and the qualifiers that must stand behind it, in any order; "!" before one that must not:
"calcinosis/lung/!lymph nodes" is lime in the lung itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from modeling.findings.knowledge import knowledge
from modeling.reports.index_terms import SAY_NOTHING


@dataclass(frozen=True)
class HeadingRule:
    """A heading, the qualifiers that it needs and those that it may not have."""

    heading: str
    needed: frozenset[str]
    barred: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> "HeadingRule":
        """Read "heading/needed/!barred"."""
        heading, *rest = text.split("/")
        needed = frozenset(part for part in rest if not part.startswith("!"))
        return cls(heading, needed, frozenset(part[1:] for part in rest if part.startswith("!")))

    def names(self, term: Sequence[str]) -> bool:
        """Whether an index term, cut at its slashes and in lower case, is meant."""
        qualifiers = set(term[1:])
        return term[0] == self.heading and self.needed <= qualifiers and not self.barred & qualifiers


@lru_cache(maxsize=1)
def _rules() -> tuple[tuple[HeadingRule, ...], ...]:
    every = knowledge().findings.values()
    return tuple(tuple(map(HeadingRule.parse, finding.headings)) for finding in every)


@lru_cache(maxsize=10_000)
def _named(heading: str) -> tuple[int, ...]:
    term = [" ".join(part.lower().split()) for part in heading.split("/")]
    return tuple(n for n, rules in enumerate(_rules()) if any(rule.names(term) for rule in rules))


def rare_findings_of(headings: Iterable[str]) -> np.ndarray | None:
    """(K,) bool in the order of `rare_findings`; None where the report was not indexed."""
    told = [heading for heading in headings if " ".join(heading.lower().split()) not in SAY_NOTHING]
    if not told:
        return None
    answer = np.zeros(len(_rules()), bool)
    for heading in told:
        answer[list(_named(heading))] = True
    return answer
