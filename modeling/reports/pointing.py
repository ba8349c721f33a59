"""Which film of a study, and which place on it, each sentence of a report speaks of.

Words are declared in `pointing.json`, in English and Traditional Chinese. A place is a zone with a side; what
is said of it (affirmed, denied, doubted) is what the miner says of the mention nearest to it. "It is new."
speaks of the place affirmed before.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from modeling.labels import FINDINGS
from modeling.reports.mining import Mention, Miner, Value
from modeling.reports.phrases import Hit, Phrase, PhraseIndex, longest_first
from modeling.reports.report import Report
from modeling.reports.rules import NORMAL
from modeling.reports.words import Words, sentences
from modeling.study import ViewPosition

Side = Literal["left", "right", "both"]
LEXICON = json.loads(Path(__file__).with_name("pointing.json").read_text(encoding="utf-8"))
ZONES: Mapping[str, Mapping] = LEXICON["zones"]
"""Zone -> its words, phrases, and where it lies in a lung or between both."""
LUNG, COMPARISON = "lung", "comparison"
NEAR = 3
"""Words that may stand between a side and the zone that it belongs to."""
_JOINING = frozenset(("and", "or", "than", "greater", "less", "more", "the", "to", "worse"))
"""What stands between two sides that one zone has: "left greater than right base"."""
_DAYS = re.compile(r"(\d{1,4})\s*(?:(days?|天|日)|(weeks?|週|周)|(months?|個月))", re.IGNORECASE)
_SPANS = (1, 7, 30)
_NONE = re.compile(r"none\b|no\b|not\b|n/a|無|沒有", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A zone of `ZONES` with its side, and what is said of it.

    Attributes:
        part: "peripheral", "central", or "" for all of the zone.
        value: what the miner says of the finding named nearest to it; None where nothing is named.
        normal: it is called clear, sharp, normal.
        implied: no word names the zone; a finding or a side alone stands for it.
    """

    zone: str
    side: Side
    part: str = ""
    value: Value | None = None
    normal: bool = False
    implied: bool = False

    @property
    def affirmed(self) -> bool:
        """Whether something is said to be there, or may be."""
        return self.value in (Value.POSITIVE, Value.UNCERTAIN)


@dataclass(frozen=True)
class PointedSentence:
    """A sentence of a report, [start, end) in its section, and what it points at.

    Attributes:
        views: "frontal" and "lateral" where it names them; empty for any.
        when: "today", "prior" or "change" (today and the latest prior).
        days: how long ago the prior was that it names; None for the latest.
        goes_on: it speaks of the places of the sentence before.
    """

    section: str
    start: int
    end: int
    views: tuple[str, ...] = ()
    when: Literal["today", "prior", "change"] = "today"
    days: int | None = None
    places: tuple[Place, ...] = ()
    goes_on: bool = False

    @property
    def said(self) -> str:
        """ "affirmed", "doubted" or "denied", the first that is said of a place; "" for none."""
        values = {place.value for place in self.places}
        if Value.POSITIVE in values:
            return "affirmed"
        if Value.UNCERTAIN in values:
            return "doubted"
        return "denied" if Value.NEGATIVE in values or any(p.normal for p in self.places) else ""

    def films(self, taken: Sequence[tuple[ViewPosition, int]]) -> tuple[int, ...]:
        """Numbers of the films it speaks of, among (view, days before) of a study; none where it has none."""
        days = (
            {0} if self.when == "today" else {self._prior(taken)} | ({0} if self.when == "change" else set())
        )
        on_day = [n for n, (_, when) in enumerate(taken) if when in days]
        if not self.views:
            return tuple(on_day)
        lateral = "lateral" in self.views
        return tuple(n for n in on_day if (taken[n][0] is ViewPosition.LATERAL) == lateral)

    def _prior(self, taken: Sequence[tuple[ViewPosition, int]]) -> int | None:
        earlier = sorted({when for _, when in taken if when})
        if self.days is None or not earlier:
            return next(iter(earlier), None)
        return min(earlier, key=lambda when: abs(when - self.days))


def pointed(report: Report | str, miner: Miner) -> tuple[PointedSentence, ...]:
    """Every sentence that the miner reads, in its order, behind those that say what was compared with.

    Raises:
        RuleError: the miner's rules find too much in the report.
    """
    report = Report.from_text(report) if isinstance(report, str) else report
    found = list(_compared(report))
    for section, start, text, mentions in miner.sentences(report):
        one = _read(text, mentions)
        before = _spoken_of(found, section) if one.goes_on else None
        if before is not None:
            views = one.views or before.views
            when, days = (before.when, before.days) if one.when == "today" else (one.when, one.days)
            one = replace(one, places=before.places, views=views, when=when, days=days)
        found.append(replace(one, section=section, start=start, end=start + len(text)))
    return tuple(found)


def _spoken_of(found: Sequence[PointedSentence], section: str) -> PointedSentence | None:
    """What "it" means: the last sentence of a section that affirms something somewhere, else the last one."""
    own = [one for one in found if one.section == section]
    affirming = (one for one in reversed(own) if one.said in ("affirmed", "doubted"))
    return next(affirming, own[-1] if own else None)


def _compared(report: Report) -> Iterator[PointedSentence]:
    """The section COMPARISON: every sentence of it speaks of a film before, but for "none"."""
    text = report.sections.get(COMPARISON, "")
    for start, end in sentences(text):
        if _NONE.match(text, start):
            yield PointedSentence(COMPARISON, start, end)
        else:
            yield PointedSentence(COMPARISON, start, end, when="prior", days=_days(text[start:end]))


# --- one sentence

_Group = PhraseIndex[tuple[str, bool]]


def _index(group: Mapping[str, Mapping]) -> _Group:
    phrases = [(Phrase.parse(p), (name, True)) for name, one in group.items() for p in one["phrases"]]
    barred = ((Phrase.parse(p), (name, False)) for name, one in group.items() for p in one.get("unless", ()))
    return PhraseIndex([*phrases, *barred])


@cache
def _indices() -> dict[str, _Group]:
    groups = {name: LEXICON[name] for name in ("views", "times", "sides", "parts", "zones")}
    plain = {name: {name: {"phrases": LEXICON[name]}} for name in ("refers_back", "denied", "affirmed")}
    return {name: _index(group) for name, group in (groups | plain).items()}


def _found(name: str, words: Words) -> list[Hit[str]]:
    """The longest hits of each entry of a group, without those that an `unless` phrase covers."""
    by_entry: dict[str, list[Hit]] = {}
    for hit in _indices()[name].find(words):
        by_entry.setdefault(hit.owner[0], []).append(hit)
    kept = []
    for entry, hits in by_entry.items():
        barred = [hit for hit in hits if not hit.owner[1]]
        named = longest_first(hit for hit in hits if hit.owner[1])
        kept += [
            Hit(h.start, h.end, entry) for h in named if not any(b.start <= h.start < b.end for b in barred)
        ]
    return sorted(kept, key=lambda hit: (hit.start, hit.end))


def _read(text: str, mentions: Sequence[Mention]) -> PointedSentence:
    words = Words.of(text)
    views = {hit.owner for hit in _found("views", words)}
    views = () if "both" in views or len(views) > 1 else tuple(views)
    when, days = _when(text, words)
    places = _places(words, mentions)
    back = bool(words.words) and any(hit.start == words.starts[0] for hit in _found("refers_back", words))
    goes_on = back and not any(not place.implied for place in places)
    return PointedSentence("", 0, len(text), views, when, days, tuple(places), goes_on)


def _when(text: str, words: Words) -> tuple[Literal["today", "prior", "change"], int | None]:
    times = {hit.owner for hit in _found("times", words)}
    if "none" in times:
        return "today", None
    days = _days(text) if "prior" in times else None
    if "change" in times:
        return "change", days
    return ("prior" if "prior" in times else "today"), days


def _days(text: str) -> int | None:
    told = _DAYS.search(text)
    if told is None:
        return None
    return int(told[1]) * next(n for n, unit in zip(_SPANS, told.groups()[1:], strict=True) if unit)


def _places(words: Words, mentions: Sequence[Mention]) -> list[Place]:
    """Every zone that is named, with its sides; else what a side or a finding stands for."""
    zones, sides, parts = (_found(name, words) for name in ("zones", "sides", "parts"))
    zones = _apart([zone for zone in zones if zone.owner != LUNG] or zones)
    taken: set[int] = set()
    places = []
    for zone in zones:
        own = _sides_of(zone, zones, sides, words)
        taken.update(side.start for side in own)
        part = next((p.owner for p in parts if abs(p.end - zone.start) < 30), "")
        name = zone.owner if zone.owner != LUNG else _implied(zone, mentions) or LUNG
        side = ZONES[name].get("side") or _one({side.owner for side in own})
        places.append(
            Place(name, side, part, *_said(zone.start, zone.end, mentions, words), name != zone.owner)
        )
    for side in sides:
        if side.start in taken or any(side.overlaps(zone) for zone in zones):
            continue
        zone = _implied(side, mentions)
        if zone or not places:
            said = _said(side.start, side.end, mentions, words)
            places.append(Place(zone or LUNG, side.owner, "", *said, implied=True))
    if not places:
        named = dict.fromkeys((LEXICON["implied"].get(m.finding), m.value) for m in mentions)
        places = [Place(zone, "both", "", value, implied=True) for zone, value in named if zone]
    return list(dict.fromkeys(places))


def _apart(zones: Sequence[Hit[str]]) -> list[Hit[str]]:
    """Zones without what they share: "upper and left lower lobe" names the upper one up to the lower one."""
    starts = [zone.start for zone in zones]
    ends = (min((at for at in starts if zone.start < at < zone.end), default=zone.end) for zone in zones)
    return [Hit(zone.start, end, zone.owner) for zone, end in zip(zones, ends, strict=True)]


def _one(sides: set[str]) -> Side:
    return next(iter(sides)) if len(sides) == 1 else "both"  # type: ignore[return-value]


def _sides_of(
    zone: Hit[str], zones: Sequence[Hit[str]], sides: Sequence[Hit[str]], words: Words
) -> list[Hit[str]]:
    """The sides right before a zone, else in it or right behind it, else the only one of the sentence."""
    before, at = [], zone.start
    for side in reversed([s for s in sides if s.end <= zone.start]):
        between = words.text[side.end : at].replace(",", " ").split()
        if len(between) > NEAR or (before and not _JOINING.issuperset(between)):
            break
        before.append(side)
        at = side.start
    if before:
        return before
    following = min((other.start for other in zones if other.start > zone.start), default=len(words.text))
    after = [s for s in sides if zone.start <= s.start < following]
    near = [s for s in after if len(words.text[zone.end : s.start].split()) <= NEAR]
    if near:
        return near[:1]
    return list(sides) if len({side.owner for side in sides}) == 1 else []


def _said(start: int, end: int, mentions: Sequence[Mention], words: Words) -> tuple[Value | None, bool]:
    """What is said of the mention nearest to a place, and whether that calls it normal."""

    def far(mention: Mention) -> int:
        return max(0, mention.start - end, start - mention.end)

    nearest = min(mentions, key=far, default=None)
    if nearest is None:
        normal = bool(_found("denied", words))
        return (Value.POSITIVE if not normal and _found("affirmed", words) else None), normal
    if nearest.finding == NORMAL:
        return None, True
    return nearest.value, False


def _implied(side: Hit[str], mentions: Sequence[Mention]) -> str:
    """The zone of the finding that a side (or "lung") stands before or behind; "" for none."""
    near = [m for m in mentions if m.finding in FINDINGS.classes and -60 < m.start - side.end < 60]
    nearest = min(near, key=lambda m: abs(m.start - side.end), default=None)
    return "" if nearest is None else LEXICON["implied"].get(nearest.finding, LUNG)


# --- as JSON types


def sentences_json(report: Report, miner: Miner) -> list[dict[str, object]]:
    """Every sentence with its section, its span there, and what it points at (`points_at`)."""
    return [
        {
            "section": one.section,
            "span": [one.start, one.end],
            "text": report.sections[one.section][one.start : one.end],
            "points_at": _points(one),
        }
        for one in pointed(report, miner)
    ]


def _points(sentence: PointedSentence) -> dict[str, object]:
    places = [
        {"zone": p.zone, "side": p.side, "part": p.part, "said": _word(p), "implied": p.implied}
        for p in sentence.places
    ]
    told = {"views": list(sentence.views), "when": sentence.when, "days_before": sentence.days}
    return told | {"said": sentence.said, "places": places}


def _word(place: Place) -> str:
    """What is said of a place: affirmed, doubted, denied, normal, past, or "" for nothing."""
    if place.normal:
        return "normal"
    words: Iterable[tuple[Value, str]] = (
        (Value.POSITIVE, "affirmed"),
        (Value.UNCERTAIN, "doubted"),
        (Value.NEGATIVE, "denied"),
        (Value.UNMENTIONED, "past"),
    )
    return next((word for value, word in words if value == place.value), "")
