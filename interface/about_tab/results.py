"""How good a checkpoint is and is not, as HTML: each section is empty where its numbers are not there."""

from collections.abc import Mapping
from html import escape
from typing import Any

from interface.about_tab.facts import Measured
from interface.about_tab.tables import (
    audit_name,
    audit_table,
    class_table,
    fusion_table,
    group_table,
    headline_table,
    map_table,
    point_table,
    written,
)
from interface.html.fragments import note
from interface.language.texts import Language, known, listed, say, word_for
from modeling.render.tables import fusion_verdict, number, part, rows


def title(key: str, language: Language) -> str:
    """A section's heading."""
    return f"<h3>{escape(say(f'about.{key}.title', language))}</h3>"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def ceilings(facts: Measured, language: Language) -> str:
    """How far the readers whose labels were learnt agree with each other."""
    told = []
    for task, row in part(facts.whole, "ceilings", "ricord").items():
        shares = {key: _percent(number(row, key)) for key in ("pairs", "majority")}
        named = word_for("task", str(task), language)
        told.append(note(say("about.readers.ricord", language, task=named, **shares)))
    kappa = number(part(facts.whole, "ceilings", "severity", "kappa_grading"), "value")
    if kappa is not None:
        told.append(note(say("about.fusion.ceiling", language, kappa=written(kappa, 2))))
    return f"{title('readers', language)}{''.join(told)}" if told else ""


def calibrated(facts: Measured, language: Language) -> str:
    """Prediction sets and operating points, by task."""
    parts = []
    for task, entry in part(facts.whole, "tasks").items():
        named = word_for("task", str(task), language)
        sets = part(entry, "prediction_sets")
        if number(sets, "coverage") is not None:
            shares = {key: _percent(number(sets, key)) for key in ("wanted", "coverage")}
            size = written(number(sets, "mean_size"), 2)
            parts.append(note(say("about.sets", language, task=named, size=size, **shares)))
        parts.append(point_table(say("about.points", language, task=named), entry, language))
    text = "".join(parts)
    return f"{title('decisions', language)}{text}" if text else ""


def one_task(entry: Mapping[str, Any], language: Language) -> str:
    """A task on a corpus: headline, classes and subgroups, leak audit."""
    split, of_reports = str(entry.get("split", "")), "reading" in entry
    caption = say(
        "about.measured_on_reports" if of_reports else "about.measured_on",
        language,
        task=word_for("task", entry["task"], language),
        data=" ".join(str(entry[key]) for key in ("corpus", "reading") if key in entry) or "?",
        films=f"{number(entry, 'n'):.0f}",
        patients=f"{number(entry, 'patients') or 0:.0f}",
        split=say(f"about.split.{split}", language) if known(f"about.split.{split}") else split,
    )
    more = class_table(entry, language) + group_table(entry, language)
    audited = audit_table(entry, language)
    if audited:
        missed = entry.get("not_beaten")
        missed = [str(name) for name in missed] if isinstance(missed, list) else []
        verdict = (
            say(
                "about.audit.not_beaten",
                language,
                names=listed((audit_name(name, language) for name in missed), language),
            )
            if missed
            else say("about.audit.all_beaten", language)
        )
        told = say("about.audit.reports" if of_reports else "about.audit.note", language)
        audited += note(told) + note(verdict, "vb-stopped")
    folded = f"<details><summary>{escape(say('about.classes', language))}</summary>{more}</details>"
    return headline_table(caption, entry, language) + (folded if more else "") + audited


def maps(facts: Measured, language: Language) -> str:
    """How well each map points at the evidence, and whether that is better than a prior."""
    if not part(facts.maps, "maps"):
        return ""
    count = {key: f"{number(facts.maps, key) or 0:.0f}" for key in ("films", "patients")}
    text = title("maps", language) + map_table(
        say("about.maps.note", language, **count), facts.maps, language
    )
    low, high = part(facts.maps, "best", "hit_rate_above", "location_prior").get("interval_95") or (
        None,
        None,
    )
    if high is not None and high < 0:
        text += note(say("about.maps.beaten", language), "vb-stopped")
    elif low is not None and low <= 0:
        text += note(say("about.maps.tied", language), "vb-stopped")
    return text


def fusion(facts: Measured, language: Language) -> str:
    """Film alone, table alone and every fusion of both, with a verdict that follows from the numbers."""
    found = rows(facts.fusion, "backbones")
    if not found:
        return ""
    protocol, parts = part(facts.fusion, "protocol"), [title("fusion", language)]
    for backbone in found:
        block, outside = part(backbone, "cross_validation"), part(backbone, "cohen_to_hannover")
        caption = say(
            "about.fusion.note",
            language,
            backbone=str(backbone.get("name", "?")),
            **{k: f"{number(block, k) or 0:.0f}" for k in ("films", "patients")},
            **{k: f"{number(protocol, k) or 0:.0f}" for k in ("folds", "seeds")},
        )
        parts.append(fusion_table(caption, block, language))
        seen = number(backbone, "patients_seen_in_training") or 0
        if seen:
            parts.append(note(say("about.fusion.seen", language, patients=f"{seen:.0f}"), "vb-stopped"))
        parts.append(note(_fusion_verdict(block, language), "vb-stopped"))
        count = {k: f"{number(outside, k) or 0:.0f}" for k in ("films", "patients")}
        parts.append(fusion_table(say("about.fusion.external", language, **count), outside, language))
    kappa = number(part(facts.fusion, "readers", "kappa_grading"), "value")
    if kappa is not None and not part(facts.whole, "ceilings", "severity"):
        parts.append(note(say("about.fusion.ceiling", language, kappa=f"{kappa:.2f}")))
    return "".join(parts)


def _fusion_verdict(block: Mapping[str, Any], language: Language) -> str:
    better, worse = ([say(f"about.arm.{arm}", language) for arm in arms] for arms in fusion_verdict(block))
    told = (
        say("about.fusion.helps", language, names=listed(better, language))
        if better
        else say("about.fusion.no_help", language)
    )
    return told + (" " + say("about.fusion.worse", language, names=listed(worse, language)) if worse else "")


def missing(facts: Measured, language: Language, *, drawn: bool) -> str:
    """What nobody has measured for this checkpoint.

    Args:
        drawn: whether there is anything that draws.
    """
    absent = [] if facts.tasks else ["metrics"]
    if facts.tasks:
        entries = list(facts.tasks.values())
        absent += ["audit"] if not any(rows(entry, "audit") for entry in entries) else []
        absent += ["plots"] if not drawn or not any("curves" in entry for entry in entries) else []
        absent += ["subgroups"] if not any(part(entry, "subgroups") for entry in entries) else []
    absent += ["maps"] if not part(facts.maps, "maps") else []
    absent += ["fusion"] if not rows(facts.fusion, "backbones") else []
    names = [say(f"about.missing.{name}", language) for name in (*absent, "ricord") if name != "metrics"]
    told = say("about.missing.list", language, names="; ".join(names))
    return title("missing", language) + note(told)
