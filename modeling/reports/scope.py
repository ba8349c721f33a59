"""How far a context phrase reaches in a sentence: where something new begins, what was said before stops.

"No pneumothorax, effusion, or mass" is one list; "no pneumothorax, small effusion" denies one thing and
affirms another. A sentence is cut into parts at its commas and its "and"s. A part begins anew where it starts
with a word that affirms (rules of kind `new`) and no list with "or" goes on, with another context phrase,
where it is a field of its own ("effusion: small"), says that the finding is still there, or has a verb of its
own.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from modeling.reports.phrases import Hit
from modeling.reports.rules import ContextRule, Direction, Kind
from modeling.reports.words import Words

_COMMA = re.compile("[,，、&]")
_AND = frozenset(("and", "plus"))
_CUTTING = _AND | {"with", "-"}
_OR = frozenset(("or", "nor", "或"))
_SKIPPED = _AND | _OR | {"the", "also", "then", "with", "-"}
_VERBS = frozenset((
    "is", "are", "was", "were", "has", "have", "shows", "show", "demonstrates", "remains", "remain",
    "appears",
))  # fmt: skip
_MANY = frozenset(("are", "were", "have"))
_SAID = frozenset((Kind.NEGATION, Kind.UNCERTAINTY, Kind.HISTORY))


@dataclass
class _Part:
    """Words `first` to `last` of a sentence (both included), and whether they begin something new."""

    first: int
    last: int
    anew: bool = False  # they affirm something, so that no denial before them goes on
    firm: bool = False  # they make a statement of their own, so that nothing before them goes on
    list_goes_on: bool = False  # an "or" follows in them or in the parts that go on after them


class Scope:
    """One sentence's parts and borders, for its mentions and context phrases."""

    def __init__(
        self,
        words: Words,
        mentions: Sequence[Hit[str]],
        cues: Sequence[Hit[ContextRule]],
        listed: frozenset[str] = frozenset(),
    ) -> None:
        """Find where something new begins: by mentions, by context phrases (none overlapping another), and by
        the words that may stand before a finding in a list that goes on."""
        self._words, self._mentions, self._listed = words, mentions, listed
        self._place = {start: place for place, start in enumerate(words.starts)}
        self._ending = {end: place for place, end in enumerate(words.ends)}
        self._starts = sorted(mention.start for mention in mentions)
        self._last_words = {self._ending[mention.end] for mention in mentions}
        self._all = cues
        leading = sorted(cues, key=lambda cue: (cue.owner.kind in _SAID, cue.owner.kind == Kind.NEW))
        self._cues = {cue.start: cue for cue in leading}
        self._affirming = [cue.start for cue in cues if cue.owner.kind == Kind.NEW and cue.owner.in_lists]
        self._denied = {
            place
            for cue in cues
            if cue.owner.kind == Kind.NEGATION
            for place in range(self._place[cue.start], self._ending[cue.end] + 1)
        }
        self._parts = self._cut()
        self._judge()
        firm = {words.starts[part.first] for part in self._parts if part.firm}
        firm |= {cue.start for cue in cues if cue.owner.kind == Kind.BOUNDARY}
        firm |= {words.starts[place] for place in self._labels()}
        soft = {words.starts[part.first] for part in self._parts if part.anew}
        soft |= {cue.start for cue in cues if self._affirms_behind_a_mention(cue)}
        self._firm, self._borders = self._effective(firm), self._effective(firm | soft)

    def _effective(self, borders: set[int]) -> list[int]:
        """The borders with a finding behind them; others begin nothing: "pneumothorax, now resolved"."""
        ends = pairwise([*sorted(borders), len(self._words.text)])
        return [border for border, end in ends if self._names(border, end)]

    def _names(self, first: int, last: int) -> bool:
        """Whether a mention begins in [first, last) of the text."""
        return bisect_left(self._starts, first) < bisect_left(self._starts, last)

    def separates(self, first: int, last: int, firmly: bool = False) -> bool:
        """Whether something new (firmly: a statement of its own) begins in [first, last) of the text."""
        borders = self._firm if firmly else self._borders
        return bisect_left(borders, first) < bisect_left(borders, last)

    def follows_a_mention(self, cue: Hit[ContextRule]) -> bool:
        """Whether a phrase stands right behind a finding."""
        return self._place[cue.start] - 1 in self._last_words

    def looks_back(self, cue: Hit[ContextRule], end: int) -> bool:
        """Whether a phrase acts on a mention before it ending at `end`: in its own part, or a bare list."""
        own = self._part(self._place[cue.start])
        own_start = self._words.starts[own.first]
        if end > own_start:
            return True
        if any(end <= place < own_start for place in self._affirming):
            return False  # "effusion: small on the right, none on the left"
        if not self._names(own_start, cue.start):
            return True
        between = self._words.words[self._ending[end] + 1 : self._place[cue.start]]
        many = self._words.words[self._place[cue.start]] in _MANY or between[-1:] == (":",)
        return many and not _VERBS.intersection(between)

    def answers(self, cue: Hit[ContextRule]) -> bool:
        """Whether a phrase can only mean a finding before it: "effusion possible, atelectasis"."""
        return bool(self._starts) and self._starts[0] < cue.start and self.ends_a_part(cue)

    def ends_a_part(self, cue: Hit[ContextRule]) -> bool:
        """Whether nothing follows a phrase in its part, so that it can only mean what stands before."""
        last = self._ending[cue.end]
        following = self._words.words[last + 1 : last + 2]
        return self._part(last).last == last or following in ((".",), ("?",), (";",))

    def _part(self, place: int) -> _Part:
        """The part that a word stands in."""
        return self._parts[bisect_left(self._parts, place, key=lambda part: part.last)]

    def _cut(self) -> list[_Part]:
        words = self._words.words
        firsts = [0, *(place for place in range(1, len(words)) if self._is_cut(place))]
        lasts = [first - 1 for first in firsts[1:]] + [len(words) - 1]
        parts = [_Part(*span) for span in zip(firsts, lasts, strict=True)]
        return [p for p, after in zip(parts, [*parts[1:], None], strict=True) if not self._is_and(p, after)]

    def _is_cut(self, place: int) -> bool:
        words = self._words.words
        cut = words[place] in _CUTTING or words[place - 1] == ";"
        return cut or _COMMA.search(self._words.between(place)) is not None

    def _is_and(self, part: _Part, after: _Part | None) -> bool:
        """An "and" alone before a comma goes to the part after it."""
        alone = part.first == part.last and self._words.words[part.first] in _AND and after is not None
        if alone:
            after.first = part.first
        return alone

    def _judge(self) -> None:
        """Whether each part begins anew; from the last to the first, as a list is known by its "or"."""
        words, following = self._words.words, None
        for part in reversed(self._parts):
            goes_on = following is not None and not following.anew and following.list_goes_on
            inside = words[part.first : part.last + 1]
            part.list_goes_on = goes_on or bool(_OR.intersection(inside)) or self._slashed(part)
            listed = following is not None and words[following.first] in _OR
            if part.first > 0:
                lead = self._lead(part)
                part.firm = self._is_firm(part, lead)
                part.anew = part.firm or self._affirms(part, lead, listed)
            following = part
        for before, part in pairwise(self._parts):
            # Who writes "no effusion, no pneumothorax, nodule" says of each what is denied.
            part.anew = part.anew or (self._denies(before) and not part.list_goes_on)

    def _denies(self, part: _Part) -> bool:
        """Whether a part behind others begins with a denial of its own."""
        cue = self._cues.get(self._words.starts[self._lead(part)])
        return part.firm and cue is not None and cue.owner.kind == Kind.NEGATION

    def _lead(self, part: _Part) -> int:
        """The first word of a part that says something."""
        lead = part.first
        while lead < part.last and self._words.words[lead] in _SKIPPED:
            lead += 1
        return lead

    def _slashed(self, part: _Part) -> bool:
        """Whether two findings stand on both sides of a slash: "effusion/pneumothorax" is a list as well."""
        places = range(part.first + 1, part.last + 1)
        slashes = (p for p in places if "/" in self._words.between(p))
        return any(self._words.starts[p] == m.start for p in slashes for m in self._mentions)

    def _is_firm(self, part: _Part, lead: int) -> bool:
        words, cue = self._words.words, self._cues.get(self._words.starts[lead])
        said = cue is not None and cue.owner.kind in _SAID and cue.owner.direction != Direction.BEFORE
        if said or words[part.first - 1] == ";":
            return True
        if words[part.first] in _OR:
            return False
        named_apart = words[part.first] == "-" and ":" not in words[: part.first]  # "mass / nodule: none"
        return (":" in words[part.first : part.last + 1] and not named_apart) or self._says_its_own(part)

    def _affirms(self, part: _Part, lead: int, listed: bool) -> bool:
        first, cue = self._words.words[part.first], self._cues.get(self._words.starts[lead])
        if first in _OR:
            return False
        if first == "with" and _COMMA.search(self._words.between(part.first)):
            return True
        if cue is not None and cue.owner.kind == Kind.NEW:
            return not (listed if cue.owner.in_lists else part.list_goes_on)
        # An "or" before the part ends its list: "no edema or mass, effusion on the left".
        list_is_over = not _OR.isdisjoint(self._words.words[: part.first])
        return not part.list_goes_on and (list_is_over or self._is_described(lead, part.last))

    def _is_described(self, lead: int, last: int) -> bool:
        """Whether a finding has words before it that no list has: "no mass, streaky fibrosis"."""
        places = (self._place[mention.start] for mention in self._mentions)
        named = next((place for place in places if lead <= place <= last), lead)
        return not self._listed.issuperset(self._words.words[lead:named])

    def _says_its_own(self, part: _Part) -> bool:
        """Whether a part says of its own finding that it is there: it has a verb, or "unchanged"."""
        words = self._words
        named = [m for m in self._mentions if part.first <= self._place[m.start] <= part.last]
        if not named or part.list_goes_on:
            return False
        start, end = named[0].start, words.ends[part.last]
        within = (cue.owner for cue in self._all if start <= cue.start < end)
        if any(rule.kind == Kind.PRESENT and rule.direction != Direction.AFTER for rule in within):
            return True
        own = self._verb(part.first, part.last)
        if own is None:
            return False
        return words.starts[own] < named[0].end or self._verb(0, part.first - 1) is not None

    def _verb(self, first: int, last: int) -> int | None:
        """The first finite verb that no negation covers."""
        free = (place for place in range(first, last + 1) if place not in self._denied)
        return next((place for place in free if self._words.words[place] in _VERBS), None)

    def _labels(self) -> list[int]:
        """Where a field's name begins in a row of fields ("Lungs: clear Pleura: small effusion")."""
        words, labels = self._words.words, []
        for sign in (place for place, word in enumerate(words) if word == ":" and place > 1):
            named = [m for m in self._mentions if self._ending[m.end] == sign - 1]
            if named and ":" not in words[: sign - 1]:
                continue  # "No effusion: the lungs are clear" is no row of fields
            labels.append(self._place[named[0].start] if named else sign - 1)
        return labels

    def _affirms_behind_a_mention(self, cue: Hit[ContextRule]) -> bool:
        """Whether a word that affirms stands right behind a finding: NO EFFUSION SMALL NODULE."""
        place = self._place[cue.start]
        if cue.owner.kind != Kind.NEW or not self.follows_a_mention(cue):
            return False
        if _COMMA.search(self._words.between(place)):
            return False  # the part says whether it affirms
        return cue.owner.in_lists or not self._list_goes_on(place)

    def _list_goes_on(self, place: int) -> bool:
        """Whether an "or" follows a word in its part or in those that do not begin anew."""
        part = self._part(place)
        after = next((p for p in self._parts if p.first > part.last), None)
        goes_on = after is not None and not after.anew and after.list_goes_on
        rest = self._words.words[place : part.last + 1]
        return goes_on or bool(_OR.intersection(rest)) or self._slashed(part)
