"""Fences: short ranges of the list, with both ends, whatever the server makes of a limit.

One case in `FENCE_EVERY`, chosen by its random key, carries its facets a second time as fences. Their IDs
fit into memory (a million cases have 31,000 fences a facet), and the range between two of them holds about
`FENCE_EVERY` cases. MongoDB stops at a limit by itself; servers that speak its protocol but read a whole
range before they cut it read a short one this way. Where fences happen to stand close, a range falls short
and the next is as long as all before it together. A fence is only a hint of where to look: the rows found
are right whatever the fences say, and a lake without any is read in one range.
"""

import bisect
import math
from collections.abc import Iterator, Mapping, Sequence

from cases.document import random_key
from cases.parquet.catalogue import prefix_end

FENCE_EVERY = 32
_FENCE_MARK = "fence "
Bounds = Mapping[str, str]


def fence_facets(case_id: str, facets: Sequence[str]) -> list[str]:
    """The facets of a case as fences, where the case is one; a text that no facet of a filter equals."""
    return [fence_of(facet) for facet in facets] if random_key(case_id) % FENCE_EVERY == 0 else []


def fence_of(facet: str) -> str:
    """The key that the fences of a facet have among their `facets`."""
    return _FENCE_MARK + facet


def ranges_up(fences: Sequence[str], after: str | None, prefix: str | None, wanted: int) -> Iterator[Bounds]:
    """Ranges of IDs that follow one another upwards, without a gap, to the end of the list.

    Args:
        fences: IDs in order.
        after: begin behind this ID; None for the first.
        prefix: keep to IDs that begin with this.
        wanted: how many cases the first range should hold at least, as a rule.
    """
    low: dict[str, str] = {} if after is None else {"$gt": after}
    if prefix and (after is None or after < prefix):
        low = {"$gte": prefix}
    start = next(iter(low.values()), "")
    end = prefix_end(prefix) if prefix else None
    first = at = bisect.bisect_right(fences, start)
    step = 1 + math.ceil((wanted - 1) / FENCE_EVERY)
    while at + step <= len(fences) and (end is None or fences[at + step - 1] < end):
        fence = fences[at + step - 1]
        yield {**low, "$lte": fence}
        low = {"$gt": fence}
        at += step
        step = at - first
    yield low if end is None else {**low, "$lt": end}


def ranges_down(fences: Sequence[str], before: str, prefix: str | None, wanted: int) -> Iterator[Bounds]:
    """As `ranges_up`, from an ID down to the beginning of the list."""
    high = {"$lt": min(before, prefix_end(prefix)) if prefix else before}
    first = at = bisect.bisect_left(fences, next(iter(high.values())))
    step = 1 + math.ceil((wanted - 1) / FENCE_EVERY)
    while at - step >= 0 and (not prefix or fences[at - step] > prefix):
        fence = fences[at - step]
        yield {"$gte": fence, **high}
        high = {"$lt": fence}
        at -= step
        step = first - at
    yield {"$gte": prefix, **high} if prefix else high


def about_how_many(fences: Sequence[str], prefix: str | None) -> int:
    """Roughly how many cases a facet has, those whose ID begins with the prefix."""
    if not prefix:
        return len(fences) * FENCE_EVERY
    found = bisect.bisect_left(fences, prefix_end(prefix)) - bisect.bisect_left(fences, prefix)
    return found * FENCE_EVERY
