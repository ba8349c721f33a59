"""Labels from a report: each mention of a finding, what is said of it, and the rule that decided.

A finding is positive where any sentence affirms it, else uncertain where one doubts it, else negative
where one denies it, else unmentioned (after NegBio, Peng et al. 2018, and CheXpert, Irvin et al. 2019). A
finding of the patient's history is no finding of this film: such a mention is shown and not counted.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from modeling.labels import FINDINGS
from modeling.reports.phrases import Hit, PhraseIndex, RuleError, longest_first
from modeling.reports.report import VOCABULARY, WHOLE, Report, blank_markup
from modeling.reports.rules import NORMAL, ContextRule, Direction, FindingRule, Kind, RuleSet, default_rules
from modeling.reports.scope import Scope
from modeling.reports.words import WORD, Spelling, Words, lower, sentences
from modeling.sentence import Sentence

KEPT_SENTENCES = 5_000
"""Reports repeat their sentences ("No pneumothorax."): so many are remembered; by typed rules a tenth."""
LONGEST_KEPT = 200
"""Characters of a sentence that is remembered; long ones seldom come again."""
LONGEST_WORK = 10
"""Seconds of work on one report, by whatever rules; 50,000 words take one or two by those that ship."""


class Value(StrEnum):
    """A finding's label: affirmed, denied, doubted, or not spoken of."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    UNMENTIONED = "unmentioned"


MEANING = {
    Kind.NEGATION: Value.NEGATIVE,
    Kind.HISTORY: Value.UNMENTIONED,
    Kind.UNCERTAINTY: Value.UNCERTAIN,
    Kind.PRESENT: Value.POSITIVE,
    Kind.ALTERNATIVE: Value.UNCERTAIN,
}
"""Kind of context rule -> what it makes of a mention, the first one winning where several reach it."""
ORDER = (Value.POSITIVE, Value.UNCERTAIN, Value.NEGATIVE, Value.UNMENTIONED)
ACTING = frozenset(MEANING)
LONGEST_LOOK_BACK = 80
"""Characters that a phrase reaches back: what it denies stands close before it."""
DECIDED_BEHIND = (Kind.NEGATION, Kind.UNCERTAINTY)
"""Kinds that act on what stands before them where nothing follows: "effusion: none", "pneumonia possible"."""
MENTIONED = "mentioned"
"""The rule of a mention that no context rule reaches: said plainly, so affirmed."""


@dataclass(frozen=True)
class Mention:
    """One place where a report names a finding."""

    finding: str
    value: Value
    section: str
    start: int  # [start, end) in the section's text
    end: int
    sentence_start: int  # its sentence, likewise
    sentence_end: int
    rule: str = MENTIONED  # the context rule that decided, or `mentioned`
    cue_start: int = -1  # where that rule's phrase stands; both -1 for `mentioned`
    cue_end: int = -1

    def moved(self, section: str, by: int) -> "Mention":
        """The same mention in a section, `by` characters further on."""
        place = (self.start + by, self.end + by, self.sentence_start + by, self.sentence_end + by)
        cue = (self.cue_start + by, self.cue_end + by) if self.cue_start >= 0 else (-1, -1)
        return Mention(self.finding, self.value, section, *place, self.rule, *cue)


@dataclass(frozen=True)
class FindingLabel:
    """A finding's label by all its mentions; `decided_by` is None where unmentioned."""

    finding: str
    value: Value
    mentions: tuple[Mention, ...] = ()

    @property
    def decided_by(self) -> Mention | None:
        """The first mention that says what the label says (one of the past where nothing else is said)."""
        return next((m for m in self.mentions if m.value == self.value), None)


@dataclass(frozen=True)
class ReportLabels:
    """The labels of one report, in the order of `labels.FINDINGS`."""

    report_id: str
    findings: Mapping[str, FindingLabel]
    normal: bool  # something is called normal, nothing abnormal affirmed and no finding doubted
    abnormal: tuple[Mention, ...] = ()  # things outside the 14 findings, not denied; old ones included
    notes: tuple[str, ...] = ()  # doubts about the labels, each in one sentence
    called_normal: tuple[Mention, ...] = ()  # where a normal report says so

    def value(self, finding: str) -> Value:
        """The label of a finding."""
        return self.findings[finding].value

    def mentions(self) -> list[Mention]:
        """Every mention of the 14 findings, by section and place: spans to show on screen."""
        every = [m for label in self.findings.values() for m in label.mentions]
        return sorted(every, key=lambda m: (m.section, m.start, m.finding))


class Miner:
    """Reads reports by a rule set.

    Example:
        >>> labels = Miner().label("No pleural effusion. Stable cardiomegaly.")
        >>> labels.value("Effusion"), labels.value("Cardiomegaly")
        (<Value.NEGATIVE: 'negative'>, <Value.POSITIVE: 'positive'>)
    """

    def __init__(self, rules: RuleSet | None = None) -> None:
        """Compile the rules (`default_rules` by default)."""
        self.rules = rules or default_rules()
        named = [(p, (rule, False)) for rule in self.rules.naming for p in rule.unless]
        named += [(p, (rule, True)) for rule in self.rules.naming for p in rule.phrases]
        words = {word for phrase, _ in named for word in re.split(r"[\s|*]+", phrase.text)}
        self._spelling = Spelling(self.rules.spelling, words)
        self._findings: PhraseIndex[tuple[FindingRule, bool]] = PhraseIndex(named)
        self._context = PhraseIndex((p, rule) for rule in self.rules.context for p in rule.phrases)
        kept = KEPT_SENTENCES if rules is None else KEPT_SENTENCES // 10
        self._remembered = lru_cache(maxsize=kept)(self._read_sentence)
        self._counting = frozenset(rule.name for rule in self.rules.context if rule.counts_as_yes)

    def label(self, report: Report | str) -> ReportLabels:
        """The labels of a report or of plain text. Raises RuleError: the rules find too much to go on."""
        report = Report.from_text(report) if isinstance(report, str) else report
        mentions: dict[str, list[Mention]] = {rule.finding: [] for rule in self.rules.naming}
        sections = self.sections_read(report)
        for mention in self._mentions(sections):
            mentions[mention.finding].append(mention)
        findings = {name: finding_label(name, mentions[name]) for name in FINDINGS.classes}
        affirmed = tuple(m for m in mentions[self.rules.abnormal.finding] if m.value != Value.NEGATIVE)
        notes = doubts(" ".join(text for _, text in sections), silent=not any(mentions.values()))
        quiet = not any(label.value in ORDER[:2] for label in findings.values()) and not affirmed
        normal = tuple(mentions[NORMAL]) if quiet and not notes else ()
        return ReportLabels(report.report_id, findings, bool(normal), affirmed, notes, normal)

    def label_all(self, reports: Iterable[Report]) -> list[ReportLabels]:
        """The labels of many reports, in their order."""
        return [self.label(report) for report in reports]

    def positive(self, labels: ReportLabels, finding: str) -> bool:
        """A finding as yes or no: uncertain counts as its rule says, unmentioned and negative are no."""
        if finding == NORMAL:
            return labels.normal
        label = labels.findings[finding]
        doubted = (m.rule in self._counting for m in label.mentions if m.value == Value.UNCERTAIN)
        return label.value == Value.POSITIVE or any(doubted)

    def sections_read(self, report: Report) -> list[tuple[str, str]]:
        """(name, text) of the sections that the rules name, markup blanked; without any, the unnamed text."""
        chosen = [(n, t) for n, t in report.sections.items() if n in self.rules.sections and t.strip()]
        if not chosen:
            chosen = [(n, t) for n, t in report.sections.items() if n == WHOLE and t.strip()]
        return [(name, blank_markup(text)) for name, text in chosen]

    def sentences(self, report: Report) -> Iterator[tuple[str, int, str, tuple[Mention, ...]]]:
        """Section, start, text and mentions (by place in the text, "normal" too) of each sentence read."""
        for section, text in self.sections_read(report):
            for start, end in sentences(text):
                yield section, start, text[start:end], self._read_sentence(text[start:end])

    def named(self, text: str) -> list[Hit[str]]:
        """Where a text names a finding (or something else `abnormal`), whatever it says of it."""
        found = mention_hits(self._findings.find(Words.of(text, self._spelling)))
        return [hit for hit in found if hit.owner != NORMAL]

    def _mentions(self, sections: Iterable[tuple[str, str]]) -> Iterator[Mention]:
        until = time.thread_time() + LONGEST_WORK
        for section, text in sections:
            for start, end in sentences(text):
                read = self._remembered if end - start <= LONGEST_KEPT else self._read_sentence
                for mention in read(text[start:end]):
                    yield mention.moved(section, start)
                if time.thread_time() > until:
                    raise RuleError(
                        "Reading this report by these rules takes over {seconds} seconds; shorten it,"
                        " or remove phrases that stand in it again and again.",
                        seconds=LONGEST_WORK,
                    )

    def _read_sentence(self, sentence: str) -> tuple[Mention, ...]:
        words = Words.of(sentence, self._spelling)
        hits = mention_hits(self._findings.find(words))
        if not hits:
            return ()
        cues = _unshielded(longest_first(self._context.find(words)))
        named = [hit for hit in hits if hit.owner != NORMAL]
        scope = Scope(words, named, cues, self.rules.listed) if named and cues else None
        return tuple(
            Mention(hit.owner, Value.POSITIVE, "", hit.start, hit.end, 0, len(sentence))
            if hit.owner == NORMAL or scope is None
            else _decide(hit, cues, scope, len(sentence))
            for hit in hits
        )


def mention_hits(found: Iterable[Hit]) -> list[Hit[str]]:
    """Each finding's longest mentions, without those that an `unless` phrase covers."""
    by_finding: dict[str, list[Hit]] = {}
    for hit in found:
        by_finding.setdefault(hit.owner[0].finding, []).append(hit)
    kept = []
    for name, hits in by_finding.items():
        longest = longest_first(hits)
        barred = {(h.start, h.end) for h in longest if not h.owner[1]}
        kept += [Hit(h.start, h.end, name) for h in longest if (h.start, h.end) not in barred]
    return sorted(kept, key=lambda hit: (hit.start, hit.end))


def _unshielded(cues: list[Hit[ContextRule]]) -> list[Hit[ContextRule]]:
    """The context phrases without those whose very words affirm or say nothing: "has not resolved"."""
    shields = {(c.start, c.end) for c in cues if c.owner.kind in (Kind.PRESENT, Kind.NEUTRAL)}
    doubting = (Kind.NEGATION, Kind.UNCERTAINTY, Kind.HISTORY)
    return [c for c in cues if c.owner.kind not in doubting or (c.start, c.end) not in shields]


def _reaches(cue: Hit[ContextRule], hit: Hit[str], scope: Scope) -> bool:
    """Whether a context phrase acts on a mention: direction, reach, and nothing new that begins between."""
    rule = cue.owner
    if rule.kind not in ACTING or (rule.findings and hit.owner not in rule.findings):
        return False
    if cue.overlaps(hit):
        return True
    if cue.end <= hit.start:
        near = rule.direction != Direction.BEFORE and hit.start - cue.end <= rule.reach
        if rule.kind in DECIDED_BEHIND and scope.answers(cue):
            return False
        if rule.kind == Kind.ALTERNATIVE and not scope.follows_a_mention(cue):
            return False
        return near and not scope.separates(cue.end, hit.start + 1, firmly=rule.enumerates)
    looks_back = rule.direction != Direction.AFTER
    if not looks_back and rule.kind in DECIDED_BEHIND:
        looks_back = scope.ends_a_part(cue)
    near = looks_back and cue.start - hit.end <= min(rule.reach, LONGEST_LOOK_BACK)
    return near and not scope.separates(hit.end, cue.start, firmly=True) and scope.looks_back(cue, hit.end)


def _decide(hit: Hit[str], cues: list[Hit[ContextRule]], scope: Scope, length: int) -> Mention:
    plain = Mention(hit.owner, Value.POSITIVE, "", hit.start, hit.end, 0, length)
    reaching = [cue for cue in cues if _reaches(cue, hit, scope)]
    present = any(cue.owner.kind == Kind.PRESENT for cue in reaching)

    def nearness(cue: Hit[ContextRule]) -> tuple[bool, int]:
        return cue.owner.counts_as_yes, max(hit.start - cue.end, cue.start - hit.end)

    for kind, value in MEANING.items():
        if kind == Kind.HISTORY and present:
            continue  # "The previously seen nodule is unchanged" is of today
        of_kind = [cue for cue in reaching if cue.owner.kind == kind]
        if of_kind:
            cue = min(of_kind, key=nearness)
            return replace(plain, value=value, rule=cue.owner.name, cue_start=cue.start, cue_end=cue.end)
    return plain


def finding_label(name: str, mentions: list[Mention]) -> FindingLabel:
    """A finding's label by all its mentions: the strongest value decides."""
    values = {mention.value for mention in mentions}
    value = next((v for v in ORDER if v in values), Value.UNMENTIONED)
    return FindingLabel(name, value, tuple(mentions))


# --- the affirming text of a report: without what it denies and without its wordings of "normal"

_REDACTED = re.compile(r"\b[Xx]{2,}\b")
_NOTHING_WRONG = re.compile(
    r"\b(?:no|not|without|negative|normal|clear|unremarkable|intact|free|within|none|absent|sharp"
    r"|well[- ](?:aerated|expanded|inflated))\b",
    re.IGNORECASE,
)


def reading_text(report: Report) -> str:
    """Findings and impression (the whole report where it names neither), redactions and markup out."""
    return _REDACTED.sub(" ", blank_markup(report.text(("findings", "impression")) or report.text()))


def affirmed_sentences(
    report: Report, miner: Miner, labels: ReportLabels | None = None
) -> list[tuple[str, int, int]]:
    """Section and [start, end) of the sentences that affirm or doubt something abnormal, and of those that
    call nothing normal or absent."""
    labels = labels or miner.label(report)
    said = [m for m in (*labels.mentions(), *labels.abnormal) if m.value != Value.NEGATIVE]
    affirmed = {(m.section, m.sentence_start) for m in said}
    return [
        (name, start, end)
        for name, body in report.sections.items()
        if name in (*miner.rules.sections, WHOLE)
        for start, end in sentences(body)
        if (name, start) in affirmed or not _NOTHING_WRONG.search(body, start, end)
    ]


def affirmed_text(report: Report, miner: Miner, labels: ReportLabels | None = None) -> str:
    """The words of `affirmed_sentences`, redactions and markup out."""
    places = affirmed_sentences(report, miner, labels)
    text = " ".join(report.sections[name][start:end] for name, start, end in places)
    return _REDACTED.sub(" ", blank_markup(text))


# --- doubts about a report's labels: nothing in it, nothing decided, or another language


_WORD = re.compile(WORD)
ENGLISH = frozenset(VOCABULARY["english"])
FEW_ENGLISH = 0.12
"""Where fewer words than this share are among `ENGLISH`, the report is taken for another language."""
OTHER_LANGUAGES = frozenset(VOCABULARY["other_languages"])
SHORTEST = 60
"""Characters: a shorter report has too few words to be told by."""
LAST_LATIN = "\u024f"
LOOKED_AT = 20_000
"""Characters from the start by which the language is told."""
EMPTY = Sentence("The report says nothing that can be read, so no label is mined from it.")
SILENT = Sentence("Nothing here says normal or abnormal; read the report yourself.")
FOREIGN = Sentence(
    "The report does not look like English, which the rules are written for: check each label."
)
MIXED = Sentence(
    "The report mixes English with another language, of which the rules know few words: check each label."
)


def doubts(text: str, silent: bool) -> tuple[str, ...]:
    """Reasons not to trust the labels of a text, `silent` where nothing in it says normal or abnormal."""
    words = [word for word in _WORD.findall(lower(text[:LOOKED_AT])) if word.strip("x0123456789")]
    plain = text.isascii() and bool(words)
    letters = [] if plain else [c for c in text[:LOOKED_AT] if c.isalpha() and c not in "Xx"]
    if not words and not letters:
        return (EMPTY,)
    language = _language(text, words, letters)
    return (*language, SILENT) if silent and not language else language


def _language(text: str, words: list[str], letters: list[str]) -> tuple[str, ...]:
    english = sum(word in ENGLISH for word in words)
    few = len(text) >= SHORTEST and english < FEW_ENGLISH * max(len(words), len(text) / 40)
    scripts = 0 if text.isascii() else sum(c > LAST_LATIN for c in letters)
    if few or scripts * 2 > len(letters):
        return (FOREIGN,)
    return (MIXED,) if scripts or not OTHER_LANGUAGES.isdisjoint(words) else ()
