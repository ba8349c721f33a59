"""What only films with a known truth can show: the gain from each modality, and what a shortcut does."""

from html import escape

from interface.about_tab.facts import Measured
from interface.about_tab.results import title
from interface.about_tab.tables import plain, spanned, table
from interface.language.texts import Language, say, word_for
from modeling.render.tables import gain_table, number, shortcut_table


def fusing(facts: Measured, language: Language) -> str:
    """What the answer loses without each modality, on phantoms whose evidence it holds."""
    rows = [
        (escape(word_for("modality", modality, language)), plain(cases), spanned(everything), spanned(lost))
        for modality, cases, everything, lost in gain_table(facts.maps).rows
    ]
    if not rows:
        return ""
    head = [say(f"about.gain.{name}", language) for name in ("held_by", "cases", "everything", "lost")]
    return title("gain", language) + table(say("about.gain.note", language), head, rows)


def shortcut(facts: Measured, language: Language) -> str:
    """The twin beside the checkpoint that did not learn the arrow, on the same films."""
    found = shortcut_table(facts.shortcut)
    rows = [
        (escape(say(f"about.shortcut.{key}", language)), *map(spanned, values)) for key, *values in found.rows
    ]
    if not rows:
        return ""
    pairs = f"{number(facts.shortcut, 'pairs') or 0:.0f}"
    learnt = word_for("class", str(facts.shortcut.get("learnt", "")), language)
    head = ["", *(say(f"about.shortcut.{who}", language) for who in found.columns[1:])]
    caption = say("about.shortcut.note", language, pairs=pairs, learnt=learnt)
    return title("shortcut", language) + table(caption, head, rows)
