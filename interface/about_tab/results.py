"""How good a checkpoint is and is not: each section is empty where its numbers are not there."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from interface.about_tab.facts import Measured
from interface.about_tab.tables import drawn, group_table
from interface.html.render import percent, ui, written
from interface.language.texts import Language, known, listed, say, word_for, words_for
from modeling.render import tables
from modeling.render.tables import fusion_verdict, interval, number, part, rows


def section(key: str, parts: list[Markup], language: Language) -> Markup:
    """Parts behind a closed fold; empty where they are."""
    text = Markup("").join(parts)
    return ui().details(say(f"about.{key}.title", language), caller=lambda: text) if text else text


def note(key: str, language: Language, kind: str = "", **values: object) -> Markup:
    """A quiet sentence of the sheet."""
    return ui().note(say(f"about.{key}", language, **values), kind)


def summary(facts: Measured, language: Language) -> tuple[str, Markup]:
    """A sentence on the first measurement, and a table of all that were held against an audit."""
    if not facts.tasks:
        return say("about.missing.metrics", language), Markup("")
    audited = [entry for entry in facts.tasks.values() if rows(entry, "audit")]
    chosen = audited or list(facts.tasks.values())[:1]
    found = tables.measurement_table({_named(entry, language): entry for entry in chosen})
    first = found.rows[0][2]
    low, high = (written(end, 2) for end in first.ends or (None, None))
    measured = {"measured": measured_on(chosen[0], language), "value": written(first.value, 2)}
    lead = say("about.lead", language, low=low, high=high, **measured)
    return lead, drawn(say("about.results.title", language), found, language)


def _counts(entry: Mapping[str, Any], *keys: str) -> dict[str, str]:
    return {key: f"{number(entry, key) or 0:.0f}" for key in keys}


def ceilings(facts: Measured, language: Language) -> Markup:
    """How far the readers whose labels were learnt agree with each other."""
    told = []
    for task, row in part(facts.whole, "ceilings", "ricord").items():
        shares = {key: percent(number(row, key)) for key in ("pairs", "majority")} | _counts(row, "studies")
        told.append(note("readers.ricord", language, task=word_for("task", str(task), language), **shares))
    told.append(_ceiling(part(facts.whole, "ceilings", "severity"), language))
    return section("readers", told, language)


def calibrated(facts: Measured, language: Language) -> Markup:
    """Prediction sets and operating points, by task."""
    parts = []
    for task, entry in part(facts.whole, "tasks").items():
        named = word_for("task", str(task), language)
        sets = part(entry, "prediction_sets")
        if number(sets, "coverage") is not None:
            shares = {key: percent(number(sets, key)) for key in ("wanted", "coverage")}
            ends = interval(sets, "coverage_5_to_95") or (None, None)
            shares |= {"low": percent(ends[0]), "high": percent(ends[1])}
            size = written(number(sets, "mean_size"), 2)
            key = "sets_of_several" if sets.get("several") else "sets"
            parts.append(note(key, language, task=named, size=size, **shares))
        parts.append(drawn(say("about.points", language, task=named), tables.point_table(entry), language))
    return section("decisions", parts, language)


def one_task(entry: Mapping[str, Any], language: Language) -> Markup:
    """A task on a corpus: headline, classes and subgroups, leak audit."""
    of_reports, caption = "reading" in entry, measured_on(entry, language)
    headlines = tables.headline_table({**part(entry, "extent"), **entry})
    classes = tables.class_table(entry).pick("class films auroc average_precision")
    audit = tables.audit_table(entry).pick("model macro_auroc difference p")
    shown = drawn(say("about.results.title", language), headlines, language)
    more = drawn(say("about.classes", language), classes, language) + group_table(entry, language)
    if more:
        shown += ui().details(say("about.classes", language), caller=lambda: more)
    if audited := drawn(say("about.audit.title", language), audit, language):
        shown += audited + note("audit.reports" if of_reports else "audit.note", language)
        shown += _audit_verdict(entry, language)
    return ui().details(caption, caller=lambda: shown)


def measured_on(entry: Mapping[str, Any], language: Language) -> str:
    """A measurement by its task, its films and how many they were."""
    split = str(entry.get("split", ""))
    return say(
        "about.measured_on_reports" if "reading" in entry else "about.measured_on",
        language,
        named=_named(entry, language),
        split=say(f"about.split.{split}", language) if known(f"about.split.{split}") else split,
        films=f"{number(entry, 'n'):.0f}",
        **_counts(entry, "patients"),
    )


def _named(entry: Mapping[str, Any], language: Language) -> str:
    data = words_for("source", str(entry.get("corpus", "?")).split(" and "), language, joint=" and ")
    if "reading" in entry:
        data = listed((data, word_for("about.reading", str(entry["reading"]), language)), language)
    return say("about.task_on", language, task=word_for("task", entry["task"], language), data=data)


def _audit_verdict(entry: Mapping[str, Any], language: Language) -> Markup:
    missed = entry.get("not_beaten")
    if not isinstance(missed, list) or not missed:
        return note("audit.all_beaten", language, "vb-stopped")
    names = words_for("about.audit.row", (str(name) for name in missed), language)
    return note("audit.not_beaten", language, "vb-stopped", names=names)


def maps(facts: Measured, language: Language) -> Markup:
    """How well each map points at the evidence, and whether that is better than a prior."""
    if not part(facts.maps, "maps"):
        return Markup("")
    caption = say("about.maps.note", language, **_counts(facts.maps, "films", "patients"))
    parts = [drawn(caption, tables.map_table(facts.maps).pick("map hit miou"), language)]
    margin = interval(part(facts.maps, "best", "hit_rate_above", "location_prior"), "interval_95")
    if margin is not None and margin[0] <= 0:
        parts.append(note("maps.beaten" if margin[1] < 0 else "maps.tied", language, "vb-stopped"))
    return section("maps", parts, language)


def phantoms(facts: Measured, language: Language) -> Markup:
    """The gain from each modality, and the effect of a shortcut, on films whose truth is known."""
    gain = drawn(say("about.gain.note", language), tables.gain_table(facts.maps), language)
    learnt = word_for("class", str(facts.shortcut.get("learnt", "")), language)
    caption = say("about.shortcut.note", language, learnt=learnt, **_counts(facts.shortcut, "pairs"))
    turned = drawn(caption, tables.shortcut_table(facts.shortcut), language)
    return section("gain", [gain], language) + section("shortcut", [turned], language)


def fusion(facts: Measured, language: Language) -> Markup:
    """Film alone, table alone and every fusion of both, with a verdict that follows from the numbers."""
    parts = []
    for backbone in rows(facts.fusion, "backbones"):
        block, outside = part(backbone, "cross_validation"), part(backbone, "cohen_to_hannover")
        counts = _counts(block, "films", "patients")
        counts |= _counts(part(facts.fusion, "protocol"), "folds", "seeds")
        counts["backbone"] = word_for("source", str(backbone.get("name", "?")), language)
        caption = say("about.fusion.note", language, **counts)
        parts.append(drawn(caption, tables.fusion_table(block), language))
        seen = number(backbone, "patients_seen_in_training") or 0
        if seen:
            parts.append(note("fusion.seen", language, "vb-stopped", patients=f"{seen:.0f}"))
        parts.append(ui().note(_fusion_verdict(block, language), "vb-stopped"))
        external = say("about.fusion.external", language, **_counts(outside, "films", "patients"))
        parts.append(drawn(external, tables.fusion_table(outside), language))
    if parts and not part(facts.whole, "ceilings", "severity"):
        parts.append(_ceiling(part(facts.fusion, "readers"), language))
    return section("fusion", parts, language)


def _ceiling(readers: Mapping[str, Any], language: Language) -> Markup:
    """How far the experts agree on the grading; empty where that was not measured."""
    kappa = tables.measured(part(readers, "kappa_grading"))
    if kappa.value is None:
        return Markup("")
    low, high = (written(end, 2) for end in kappa.ends or (None, None))
    return note("fusion.ceiling", language, kappa=written(kappa.value, 2), low=low, high=high)


def _fusion_verdict(block: Mapping[str, Any], language: Language) -> str:
    better, worse = (words_for("about.arm", arms, language) for arms in fusion_verdict(block))
    told = say("about.fusion.helps" if better else "about.fusion.no_help", language, names=better)
    return told + (" " + say("about.fusion.worse", language, names=worse) if worse else "")


def missing(facts: Measured, language: Language, *, drawn: bool) -> Markup:
    """The measurements that this checkpoint lacks; `drawn` where there is anything that draws."""
    entries = facts.tasks.values()
    measured = {
        "audit": any(rows(entry, "audit") for entry in entries),
        "plots": drawn and any("curves" in entry for entry in entries),
        "subgroups": any(part(entry, "subgroups") for entry in entries),
    }
    measured = measured if facts.tasks else {}
    measured |= {"maps": part(facts.maps, "maps"), "fusion": rows(facts.fusion, "backbones"), "ricord": ()}
    names = [say(f"about.missing.{name}", language) for name, there in measured.items() if not there]
    return section("missing", [note("missing.list", language, names="; ".join(names))], language)
