"""The rules as data: what names a finding, what denies it, doubts it, or puts it in the past.

A rule file is TOML that an educator can read and edit; every mistake in it is told in one sentence.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from modeling.labels import FINDINGS
from modeling.reports.phrases import Phrase, RuleError
from modeling.sentence import Names, Sentence

DEFAULT_RULES = Path(__file__).with_name("rules.toml")
NORMAL = "normal"
LONGEST_FILE = 200_000
MOST_WORDINGS = 50_000
"""Ways to word all phrases of a file, alternatives multiplied; those that ship have some 2,500."""


class Kind(StrEnum):
    """The effect of a context rule on the findings in its reach."""

    NEGATION = "negation"
    UNCERTAINTY = "uncertainty"
    HISTORY = "history"
    PRESENT = "present"
    ALTERNATIVE = "alternative"
    NEUTRAL = "neutral"
    NEW = "new"
    BOUNDARY = "boundary"


class Direction(StrEnum):
    """Where the findings stand that a context rule reaches, seen from its phrase."""

    AFTER = "after"
    BEFORE = "before"
    BOTH = "both"


@dataclass(frozen=True)
class FindingRule:
    """Phrases that name one finding, `unless` one of others stands around them."""

    finding: str
    phrases: tuple[Phrase, ...]
    unless: tuple[Phrase, ...] = ()


@dataclass(frozen=True)
class ContextRule:
    """Phrases that change what a mention means.

    Attributes:
        counts_as_yes: of an uncertainty rule: whether what it doubts counts as positive where a yes or no is
            asked for ("probable" does, "may represent" does not).
        enumerates: of an uncertainty rule: whether a list goes on whose members are described ("may be edema,
            small effusions"); otherwise what is described is affirmed ("possible edema, small effusions").
    """

    name: str
    kind: Kind
    phrases: tuple[Phrase, ...]
    direction: Direction = Direction.AFTER
    reach: int = 200  # characters after (or before) the phrase in which it acts; a boundary stops it earlier
    findings: frozenset[str] = frozenset()  # the findings that it acts on; empty for all
    counts_as_yes: bool = False
    enumerates: bool = False
    in_lists: bool = False  # of a rule of kind new: whether it also acts where a list with "or" goes on


@dataclass(frozen=True)
class RuleSet:
    """Everything that decides what is mined."""

    sections: tuple[str, ...]  # those that are read, where a report has any of them; else its whole text
    findings: tuple[FindingRule, ...]  # one for each finding, in the order of `labels.FINDINGS`
    context: tuple[ContextRule, ...]  # of every `Kind`
    abnormal: FindingRule  # other abnormal things; a report that affirms one is not normal
    normal: FindingRule  # phrases that call something normal; without one of them no report is
    spelling: tuple[str, ...] = ()  # long words whose misspellings are read as the word
    listed: frozenset[str] = frozenset()  # words that may stand before a finding in a list that goes on

    @classmethod
    def from_text(cls, text: str) -> "RuleSet":
        """Read and check a rule file's text. Raises RuleError: not TOML, or which rule to write how."""
        if len(text) > LONGEST_FILE:
            too_long = "Keep the rule file under {most:,} characters; this one has {count:,}."
            raise RuleError(too_long, most=LONGEST_FILE, count=len(text))
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as exc:
            no_toml = "The rule file is not valid TOML: {problem}; correct that place."
            raise RuleError(no_toml, problem=str(exc)) from exc
        return _rule_set(data)

    @classmethod
    def load(cls, path: Path) -> "RuleSet":
        """Read and check a rule file. Raises RuleError: it cannot be read, or a rule in it cannot be used."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise RuleError("The rule file {path} cannot be read as text; name another.", path=path) from exc
        return cls.from_text(text)

    def rule(self, name: str) -> ContextRule | FindingRule:
        """The rule of this name (a finding's for what names it). Raises RuleError: there is no such rule."""
        named = {rule.finding: rule for rule in self.naming} | {rule.name: rule for rule in self.context}
        if name not in named:
            none = "There is no rule called '{name}'; choose one that the rule file names."
            raise RuleError(none, name=name)
        return named[name]

    @property
    def naming(self) -> tuple[FindingRule, ...]:
        """The rules that name something: the findings, other abnormal things, and what is normal."""
        return (*self.findings, self.abnormal, self.normal)


@cache
def default_rules() -> RuleSet:
    """The rules that ship, read once."""
    return RuleSet.load(DEFAULT_RULES)


def default_text() -> str:
    """The rules that ship, as text to edit."""
    return DEFAULT_RULES.read_text(encoding="utf-8")


# --- reading


def _only(data: Mapping[str, Any], known: Iterable[str], where: Sentence) -> None:
    if not isinstance(data, dict):
        no_table = "Write {where} as a TOML table with {known}."
        raise RuleError(no_table, where=where, known=Names("name", known))
    unknown = sorted(set(data) - set(known))
    if unknown:
        no_entry = "{where} has an unknown entry '{unknown}'; use {known}."
        raise RuleError(no_entry, where=where, unknown=unknown[0], known=Names("name", known))


def _phrases(data: Mapping[str, Any], key: str, where: Sentence, needed: bool = True) -> tuple[Phrase, ...]:
    texts = data.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts) or (needed and not texts):
        raise RuleError('Give {where} a list of {key}, such as ["pleural effusion*"].', where=where, key=key)
    repeated = sorted({text for text in texts if texts.count(text) > 1})
    if repeated:
        in_it_twice = "{where} has '{name}' twice in its {key}; remove one."
        raise RuleError(in_it_twice, where=where, name=repeated[0], key=key)
    try:
        return tuple(Phrase.parse(text) for text in texts)
    except RuleError as exc:
        raise RuleError("{where}: {problem}", where=where, problem=exc.sentence) from exc


def _closed(kind: type[StrEnum], value: Any, where: Sentence, what: str) -> Any:
    if value not in tuple(kind):
        not_one = "{where} has {what} '{value}'; choose {kind}."
        raise RuleError(not_one, where=where, what=what, value=value, kind=Names("name", kind))
    return kind(value)


def _finding_rule(name: str, data: Any) -> FindingRule:
    where = Sentence("The finding {name}", name=name)
    _only(data, ("phrases", "unless"), where)
    return FindingRule(name, _phrases(data, "phrases", where), _phrases(data, "unless", where, needed=False))


def _context_rule(data: Any, place: int) -> ContextRule:
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise RuleError("Give context rule number {place} a name.", place=place)
    where = Sentence("The context rule '{name}'", name=name)
    _only(data, [entry.name for entry in fields(ContextRule)], where)
    reach = data.get("reach", 200)
    if not isinstance(reach, int) or isinstance(reach, bool) or not 1 <= reach <= 1000:
        raise RuleError("{where} has reach {reach!r}; write 1 to 1000 characters.", where=where, reach=reach)
    findings = data.get("findings", [])
    if not isinstance(findings, list) or any(f not in FINDINGS.classes for f in findings):
        only = "{where} may act on {classes} only."
        raise RuleError(only, where=where, classes=Names("name", FINDINGS.classes))
    kind = _closed(Kind, data.get("kind"), where, "kind")
    return ContextRule(
        name=name,
        kind=kind,
        phrases=_phrases(data, "phrases", where),
        direction=_closed(Direction, data.get("direction", "after"), where, "direction"),
        reach=reach,
        findings=frozenset(findings),
        **{key: _switch(data, key, kind, where) for key in _SWITCHES},
    )


_SWITCHES = {
    "counts_as_yes": (Kind.UNCERTAINTY, Kind.ALTERNATIVE),
    "enumerates": (Kind.UNCERTAINTY,),
    "in_lists": (Kind.NEW,),
}
"""Switches of a context rule -> the kinds that have them, the one to name first."""


def _switch(data: Mapping[str, Any], key: str, kind: Kind, where: Sentence) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool) or (value and kind not in _SWITCHES[key]):
        only_for = "{where}: write {key} = true or false, and only for kind {kind}."
        raise RuleError(only_for, where=where, key=key, kind=_SWITCHES[key][0].value)
    return value


def _plain_words(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    words = data.get(key, [])
    if not isinstance(words, list) or not all(
        isinstance(w, str) and w.isalpha() and w.islower() for w in words
    ):
        raise RuleError('Write {key} as a list of words in lower case, such as ["effusion"].', key=key)
    return tuple(words)


def _rule_set(data: Mapping[str, Any]) -> RuleSet:
    known = ("sections", "spelling", "listed", "findings", "context", "abnormal", "normal")
    _only(data, known, Sentence("The rule file"))
    sections = data.get("sections", [])
    if not isinstance(sections, list) or not sections or not all(isinstance(s, str) for s in sections):
        raise RuleError('Name the sections to read, such as sections = ["findings", "impression"].')
    findings = data.get("findings", {})
    _only(findings, FINDINGS.classes, Sentence("The table findings"))
    missing = [name for name in FINDINGS.classes if name not in findings]
    if missing:
        silent = "The rule file says nothing of {missing}; add a table [findings.{missing}]."
        raise RuleError(silent, missing=missing[0])
    rules = RuleSet(
        sections=tuple(s.lower() for s in sections),
        context=_context(data.get("context", [])),
        findings=tuple(_finding_rule(name, findings[name]) for name in FINDINGS.classes),
        abnormal=_finding_rule("abnormal", data.get("abnormal", {})),
        normal=_finding_rule(NORMAL, data.get("normal", {})),
        spelling=_plain_words(data, "spelling"),
        listed=frozenset(_plain_words(data, "listed")),
    )
    return _bounded(rules)


def _context(entries: Any) -> tuple[ContextRule, ...]:
    if not isinstance(entries, list):
        raise RuleError("Write each context rule under its own [[context]].")
    context = tuple(_context_rule(entry, place) for place, entry in enumerate(entries, 1))
    names = [rule.name for rule in context]
    repeated = sorted({name for name in names if names.count(name) > 1 or name in FINDINGS.classes})
    if repeated:
        raise RuleError("Two rules are called '{name}'; rename one.", name=repeated[0])
    return context


def _bounded(rules: RuleSet) -> RuleSet:
    phrases = [phrase for rule in (*rules.naming, *rules.context) for phrase in rule.phrases]
    phrases += [phrase for rule in rules.naming for phrase in rule.unless]
    wordings = sum(len(piece.wordings) for phrase in phrases for piece in phrase.pieces)
    if wordings > MOST_WORDINGS:
        many = "The phrases have {wordings:,} wordings, alternatives multiplied; keep them under {most:,}."
        raise RuleError(many, wordings=wordings, most=MOST_WORDINGS)
    return rules
