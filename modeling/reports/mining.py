"""Labels from a report: each mention of a finding, what is said of it, and the rule that decided.

A finding is positive where any sentence affirms it, else uncertain where one doubts it, else negative
where one denies it, else unmentioned (after NegBio, Peng et al. 2018, and CheXpert, Irvin et al. 2019). A
finding of the patient's history is no finding of this film: such a mention is shown and not counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from modeling.labels import FINDINGS
from modeling.reports.phrases import WORD, Hit, PhraseIndex, longest_first, lower
from modeling.reports.report import WHOLE, Report, blank_markup, sentences
from modeling.reports.rules import NORMAL, ContextRule, Direction, FindingRule, Kind, RuleSet, default_rules

KEPT_SENTENCES = 20_000
"""Reports repeat their sentences ("No pneumothorax."): so many are remembered."""


class Value(StrEnum):
    """What a report says of a finding."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    UNMENTIONED = "unmentioned"


MEANING = {
    Kind.NEGATION: Value.NEGATIVE,
    Kind.HISTORY: Value.UNMENTIONED,
    Kind.UNCERTAINTY: Value.UNCERTAIN,
    Kind.PRESENT: Value.POSITIVE,
}
"""Kind of context rule -> what it makes of a mention, the first one winning where several reach it."""

ORDER = (Value.POSITIVE, Value.UNCERTAIN, Value.NEGATIVE, Value.UNMENTIONED)
MENTIONED = "mentioned"
"""The rule of a mention that no context rule reaches: said plainly, so affirmed."""

ENGLISH = frozenset(
    WORD.findall(
        "the a an is are was were no not of and or in with within without there for to has have be been seen"
        " this normal clear lung lungs heart chest size right left limits unchanged stable mild small acute"
        " evidence disease bony structures appear intact large focal"
    )
)
FEW_ENGLISH = 0.12
"""Where fewer words than this share are among `ENGLISH`, the report is taken for another language."""
LAST_LATIN = "\u024f"


@dataclass(frozen=True)
class Mention:
    """One place where a report names a finding.

    Attributes:
        start, end: the mention, [start, end) in the section's text.
        sentence_start, sentence_end: its sentence, likewise.
        rule: the context rule that decided, or `mentioned`.
        cue_start, cue_end: where that rule's phrase stands; both -1 for `mentioned`.
    """

    finding: str
    value: Value
    section: str
    start: int
    end: int
    sentence_start: int
    sentence_end: int
    rule: str = MENTIONED
    cue_start: int = -1
    cue_end: int = -1

    def moved(self, section: str, by: int) -> "Mention":
        """The same mention in a section, `by` characters further on."""
        cue = (self.cue_start + by, self.cue_end + by) if self.cue_start >= 0 else (-1, -1)
        return Mention(
            self.finding,
            self.value,
            section,
            self.start + by,
            self.end + by,
            self.sentence_start + by,
            self.sentence_end + by,
            self.rule,
            *cue,
        )


@dataclass(frozen=True)
class FindingLabel:
    """What a report says of one finding, by all its mentions; `decided_by` is None where unmentioned."""

    finding: str
    value: Value
    mentions: tuple[Mention, ...] = ()

    @property
    def decided_by(self) -> Mention | None:
        """The first mention that says what the label says (one of the past where nothing else is said)."""
        return next((m for m in self.mentions if m.value == self.value), None)


@dataclass(frozen=True)
class ReportLabels:
    """The labels of one report, in the order of `labels.FINDINGS`.

    Attributes:
        normal: no finding is affirmed or doubted, nothing else abnormal is affirmed, and the report says
            something.
        notes: what to know before trusting the labels, each in one sentence.
        abnormal: things outside the 14 findings that are not denied, old ones included.
    """

    report_id: str
    findings: Mapping[str, FindingLabel]
    normal: bool
    abnormal: tuple[Mention, ...] = ()
    notes: tuple[str, ...] = ()

    def value(self, finding: str) -> Value:
        """What the report says of a finding."""
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
        named: list[tuple] = []
        for rule in (*self.rules.findings, self.rules.abnormal):
            named += [(phrase, (rule, False)) for phrase in rule.unless]
            named += [(phrase, (rule, True)) for phrase in rule.phrases]
        self._findings: PhraseIndex[tuple[FindingRule, bool]] = PhraseIndex(named)
        self._context = PhraseIndex((p, rule) for rule in self.rules.context for p in rule.phrases)
        self._read = lru_cache(maxsize=KEPT_SENTENCES)(self._read_sentence)
        self._counting = frozenset(rule.name for rule in self.rules.context if rule.counts_as_yes)

    def label(self, report: Report | str) -> ReportLabels:
        """What a report says of every finding.

        Args:
            report: by section, or plain text, which is cut at its section headings.
        """
        report = Report.from_text(report) if isinstance(report, str) else report
        by_finding: dict[str, list[Mention]] = {name: [] for name in FINDINGS.classes}
        abnormal: list[Mention] = []
        for section, text in self.sections_read(report):
            for mention in self._mentions(section, text):
                by_finding.get(mention.finding, abnormal).append(mention)
        findings = {name: finding_label(name, mentions) for name, mentions in by_finding.items()}
        affirmed = tuple(m for m in abnormal if m.value != Value.NEGATIVE)
        notes = self._notes(report)
        quiet = not any(label.value in ORDER[:2] for label in findings.values())
        normal = quiet and not affirmed and not notes
        return ReportLabels(report.report_id, findings, normal, affirmed, notes)

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

    def named(self, text: str) -> list[Hit[str]]:
        """Where a text names a finding (or something else `abnormal`), whatever it says of it."""
        return mention_hits(self._findings.find(lower(text)))

    def _mentions(self, section: str, text: str) -> Iterator[Mention]:
        for start, end in sentences(text):
            for mention in self._read(text[start:end]):
                yield mention.moved(section, start)

    def _read_sentence(self, sentence: str) -> tuple[Mention, ...]:
        hits = self.named(sentence)
        if not hits:
            return ()
        cues = longest_first(self._context.find(lower(sentence)))
        borders = [cue for cue in cues if cue.owner.kind == Kind.BOUNDARY]
        acting = [cue for cue in cues if cue.owner.kind != Kind.BOUNDARY]
        return tuple(_decide(hit, acting, borders, len(sentence)) for hit in hits)

    def _notes(self, report: Report) -> tuple[str, ...]:
        read = self.sections_read(report)
        text = " ".join(text for _, text in read)
        words = [word for word in WORD.findall(lower(text)[:20_000]) if word.strip("x0123456789")]
        if not words and not any(c.isalpha() and c not in "Xx" for c in text):
            return ("The report says nothing that can be read, so no label is mined from it.",)
        english = sum(word in ENGLISH for word in words)
        few = len(text) >= 40 and english < FEW_ENGLISH * max(len(words), len(text) / 40)
        if few or _in_another_script(text):
            return (
                "The report does not look like English, which the rules are written for: check each label.",
            )
        return ()


def _in_another_script(text: str) -> bool:
    """Whether most letters are none of the Latin ones: the shortest Chinese report can be told by that."""
    if text.isascii():
        return False
    letters = [c for c in text if c.isalpha()]
    return sum(c > LAST_LATIN for c in letters) * 2 > len(letters)


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


def _reaches(cue: Hit[ContextRule], hit: Hit[str], borders: list[Hit]) -> bool:
    """Whether a context phrase acts on a mention: direction, reach, and no boundary between."""
    rule = cue.owner
    if rule.findings and hit.owner not in rule.findings:
        return False
    if cue.overlaps(hit):
        return True
    after = cue.end <= hit.start
    if rule.direction == (Direction.BEFORE if after else Direction.AFTER):
        return False
    first, last = (cue.end, hit.start) if after else (hit.end, cue.start)
    if last - first > rule.reach:
        return False
    return not any(first <= border.start < last for border in borders)


def _decide(hit: Hit[str], cues: list[Hit[ContextRule]], borders: list[Hit], length: int) -> Mention:
    plain = Mention(hit.owner, Value.POSITIVE, "", hit.start, hit.end, 0, length)
    reaching = [cue for cue in cues if _reaches(cue, hit, borders)]
    for kind, value in MEANING.items():
        of_kind = [cue for cue in reaching if cue.owner.kind == kind]
        if of_kind:
            cue = min(
                of_kind, key=lambda c: (c.owner.counts_as_yes, max(hit.start - c.end, c.start - hit.end))
            )
            return replace(plain, value=value, rule=cue.owner.name, cue_start=cue.start, cue_end=cue.end)
    return plain


def finding_label(name: str, mentions: list[Mention]) -> FindingLabel:
    """A finding's label by all its mentions: the strongest value decides."""
    values = {mention.value for mention in mentions}
    value = next((v for v in ORDER if v in values), Value.UNMENTIONED)
    return FindingLabel(name, value, tuple(mentions))
