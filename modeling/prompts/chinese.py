"""A Chinese sentence in words, which nothing in its writing parts.

Its characters are put together by a list of our own (`words` in `wording.json`) and the names of the known
findings, in as few pieces as they allow; what stands in neither stays a character of its own. A list is
enough: the text encoder that ships knows two hundred characters, and other ones are refused.
"""

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from modeling.findings.knowledge import knowledge

_RUN = re.compile("[\u3400-\u9fff]+")


def chinese_words(sentence: str) -> list[tuple[int, int]]:
    """[start, end) of each word made of Chinese characters, in their order."""
    found = []
    for run in _RUN.finditer(sentence):
        cuts = _cuts(run.group())
        found += [(run.start() + start, run.start() + end) for start, end in pairwise(cuts)]
    return found


def _cuts(run: str) -> list[int]:
    """Where the fewest words begin and end, from 0 to the end; of equals the longer word comes first."""
    words, behind = _known(), {len(run): [len(run)]}
    longest = max(map(len, words))
    for start in reversed(range(len(run))):
        ends = [e for e in range(start + 1, min(start + longest, len(run)) + 1) if run[start:e] in words]
        ways = [behind[end] for end in reversed([*ends, start + 1])]
        behind[start] = [start, *min(ways, key=len)]
    return behind[0]


@cache
def _known() -> frozenset[str]:
    declared = json.loads(Path(__file__).with_name("wording.json").read_text("utf-8"))["zh-Hant"]["words"]
    return frozenset([*declared, *(f.name.words["zh-Hant"] for f in knowledge().findings.values())])
