"""What only films with a known truth can show: the gain from each modality, and what a shortcut does."""

from collections.abc import Mapping
from html import escape
from typing import Any

from interface.about_tab.facts import Measured, number, part
from interface.about_tab.results import title
from interface.about_tab.tables import table, written
from interface.language.texts import Language, say, word_for

MODALITIES = ("image", "table", "text")
TOLD = (
    "accuracy_without_arrow",
    "accuracy_with_arrow",
    "turned_to_learnt",
    "rise_of_learnt",
    "evidence_on_arrow",
)


def _measured(entry: Mapping[str, Any], digits: int = 2) -> str:
    pair = entry.get("interval_95") or (entry.get("low"), entry.get("high"))
    low, high = (written(float(v), digits) if isinstance(v, int | float) else "–" for v in pair)
    return f"{written(number(entry, 'value'), digits)} [{low}, {high}]"


def fusing(facts: Measured, language: Language) -> str:
    """What the answer loses without each modality, on phantoms whose evidence it holds."""
    found = part(facts.maps, "ablation", "cases_whose_evidence_it_holds")
    rows = []
    for modality in MODALITIES:
        row = part(found, modality)
        lost = part(row, f"without_{modality}", "drop")
        if number(lost, "value") is not None:
            everything = part(row, "everything")
            count = f"{number(everything, 'n') or 0:.0f}"
            rows.append(
                (
                    escape(word_for("modality", modality, language)),
                    count,
                    _measured(everything),
                    _measured(lost),
                )
            )
    if not rows:
        return ""
    head = [say(f"about.gain.{name}", language) for name in ("held_by", "cases", "everything", "lost")]
    return title("gain", language) + table(say("about.gain.note", language), head, rows)


def shortcut(facts: Measured, language: Language) -> str:
    """The twin beside the checkpoint that did not learn the arrow, on the same films."""
    found = facts.shortcut
    rows = [
        (
            escape(say(f"about.shortcut.{key}", language)),
            *(_measured(part(found, who, key)) for who in ("twin", "checkpoint")),
        )
        for key in TOLD
        if number(part(found, "twin", key), "value") is not None
    ]
    if not rows:
        return ""
    pairs = f"{number(found, 'pairs') or 0:.0f}"
    learnt = word_for("class", str(found.get("learnt", "")), language)
    head = ["", *(say(f"about.shortcut.{who}", language) for who in ("twin", "checkpoint"))]
    caption = say("about.shortcut.note", language, pairs=pairs, learnt=learnt)
    return title("shortcut", language) + table(caption, head, rows)
