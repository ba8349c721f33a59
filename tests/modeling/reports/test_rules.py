"""The rule language and the rule file: what it matches, and that every mistake is told in one sentence."""

import re

import pytest

from modeling.labels import FINDINGS
from modeling.reports.mining import Miner
from modeling.reports.phrases import Phrase, PhraseIndex, RuleError, longest_first
from modeling.reports.rules import Kind, RuleSet, default_rules, default_text
from modeling.reports.words import Words, lower


def found(phrase: str, text: str) -> list[str]:
    index = PhraseIndex([(Phrase.parse(phrase), phrase)])
    return [text[hit.start : hit.end] for hit in index.find(Words.of(text))]


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("effusion*", "Small effusions, no reeffusion", ["effusions"]),
        ("effusion", "effusions", []),
        ("heart|cardiac size", "Heart size and cardiac size", ["Heart size", "cardiac size"]),
        ("heart ... enlarged", "The heart is only mildly enlarged", ["heart is only mildly enlarged"]),
        ("heart ...1 enlarged", "The heart is only mildly enlarged", []),
        ("heart ... enlarged", "Normal heart. Aorta enlarged", []),
        ("no change in", "No\n change in size", ["No\n change in"]),
        ("pleural effusion", "pleural/effusion", ["pleural/effusion"]),
    ],
)
def test_a_phrase_finds_what_it_says(phrase: str, text: str, expected: list[str]) -> None:
    assert found(phrase, text) == expected


@pytest.mark.parametrize(
    "phrase", ["", "... heart", "heart ...", "heart ... ... big", "h* a", "(a+)+", "Heart", "a ...9 b"]
)
def test_a_phrase_that_cannot_be_used_is_refused_in_one_sentence(phrase: str) -> None:
    with pytest.raises(RuleError) as told:
        Phrase.parse(phrase)
    assert str(told.value).endswith((".", "|")) and "\n" not in str(told.value)


def test_places_survive_letters_that_grow_when_lowered() -> None:
    text = "İİİ effusion"
    assert len(lower(text)) == len(text)
    assert found("effusion", text) == ["effusion"]


def test_the_longest_phrase_wins() -> None:
    index = PhraseIndex([(Phrase.parse(p), p) for p in ("no", "no change in", "change")])
    assert [hit.owner for hit in longest_first(index.find(Words.of("no change in size")))] == ["no change in"]


def test_the_rules_that_ship_name_every_finding_and_kind() -> None:
    rules = default_rules()
    assert tuple(rule.finding for rule in rules.findings) == FINDINGS.classes
    assert {rule.kind for rule in rules.context} == set(Kind)
    assert rules.rule("Effusion").phrases and rules.rule("no").kind == Kind.NEGATION
    with pytest.raises(RuleError, match="no rule called"):
        rules.rule("yes")


def edited(before: str, after: str) -> str:
    text = default_text()
    assert before in text
    return text.replace(before, after, 1)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('kind = "negation"', 'kind = "denial"', "kind 'denial'"),
        ('direction = "before"', 'direction = "left"', "direction 'left'"),
        ("reach = 60", "reach = 0", "1 to 1000 characters"),
        ("reach = 60", 'reach = "far"', "1 to 1000 characters"),
        ("counts_as_yes = true", "counts_as_yes = 1", "true or false"),
        ('name = "no"', 'name = "Effusion"', "rename one"),
        ('name = "no"', 'name = ""', "a name"),
        ("[findings.Hernia]", "[findings.Hernias]", "unknown entry 'Hernias'"),
        ('phrases = ["hernia*"]', 'phrases = ["hernia*", "hernia*"]', "twice"),
        ('phrases = ["hernia*"]', "phrases = []", "a list of phrases"),
        ('phrases = ["hernia*"]', 'phrases = "hernia*"', "a list of phrases"),
        ('phrases = ["hernia*"]', 'phrases = ["Hernia(s)?"]', "lower-case letters"),
        ('phrases = ["hernia*"]', 'phrase = ["hernia*"]', "unknown entry 'phrase'"),
        ("sections = [", "section = [", "unknown entry 'section'"),
        ('sections = ["findings", "impression"]', "sections = []", "Name the sections"),
        ('[[context]]\nname = "no"', '[context]\nname = "no"', "not valid TOML"),
        ('kind = "negation"', "kind = negation", "not valid TOML"),
    ],
)
def test_every_mistake_in_a_rule_file_is_told_in_one_sentence(before: str, after: str, told: str) -> None:
    with pytest.raises(RuleError) as caught:
        RuleSet.from_text(edited(before, after))
    sentence = str(caught.value)
    assert told in sentence and "\n" not in sentence and sentence.endswith(".")


def test_a_finding_without_rules_is_told() -> None:
    text = re.sub(r"\n\[findings\.Hernia\].*?(?=\n\[)", "", default_text(), flags=re.DOTALL)
    with pytest.raises(RuleError, match="says nothing of Hernia"):
        RuleSet.from_text(text)


def test_a_rule_file_that_is_not_there_or_no_text_is_told(tmp_path) -> None:
    with pytest.raises(RuleError, match="cannot be read"):
        RuleSet.load(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match="cannot be read"):
        RuleSet.load(tmp_path / "bytes.toml")


def test_an_edit_changes_what_is_mined() -> None:
    report = "Water around the lung."
    assert not Miner().label(report).findings["Effusion"].mentions
    rules = RuleSet.from_text(edited('"effusion*", "pleural fusion"', '"effusion*", "water ...2 lung"'))
    assert Miner(rules).label(report).value("Effusion") == "positive"
