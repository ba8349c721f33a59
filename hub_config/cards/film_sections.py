"""The parts of a card and of the README's table: Markdown from `metrics.json` alone."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Numbers = Mapping[str, Any]

HEADLINES = {
    "macro_auroc": "macro AUROC",
    "macro_average_precision": "macro average precision",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "matthews": "Matthews correlation",
    "quadratic_kappa": "quadratic kappa",
    "recall_at_fpr_05": "mean recall at a false positive rate of 5 %",
    "recall_at_fpr_10": "mean recall at a false positive rate of 10 %",
    "expected_calibration_error": "expected calibration error",
    "brier": "Brier score",
}
INDEXED = ("macro_auroc", "macro_average_precision", "accuracy", "expected_calibration_error")
KIND_NAMES = {"other hospital": "another hospital's chest films (NIH), which should pass"}


def number(value: float | None, digits: int = 3) -> str:
    """A number as it stands in a table; a dash where it is not defined."""
    return "-" if value is None else f"{value:.{digits}f}"


def interval(pair: Sequence[float | None]) -> str:
    """`low to high`."""
    return f"{number(pair[0])} to {number(pair[1])}" if pair[0] is not None else "-"


def percent(share: float | None) -> str:
    """A share in whole percent."""
    return "-" if share is None else f"{100 * share:.0f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


# --- one measurement ---------------------------------------------------------------------------------------


def measurement(title: str, summary: Numbers) -> str:
    """One task on one corpus: headline, classes, subgroups, and the models that never see the lungs."""
    counted = "reports" if "reading" in summary else f"films of {summary['patients']} patients"
    head = f"### {title}: {summary['n']} {counted} ({summary['split']})\n"
    parts = [head, _headline(summary), _classes(summary)]
    if summary.get("extent"):
        found = summary["extent"]
        parts.append(
            f"Spearman's correlation with the experts' geographic extent: {number(found['spearman'])}"
            f" ({interval(found['spearman_95'])}), {found['films']} films of {found['patients']} patients.\n"
        )
    parts += [_subgroups(summary), _audit(summary)]
    return "\n".join(part for part in parts if part)


def _headline(summary: Numbers) -> str:
    rows = [
        (
            name,
            number(summary[key]),
            interval(summary[f"{key}_95"]),
            number(summary["majority"][key]) if key in summary["majority"] else "",
        )
        for key, name in HEADLINES.items()
        if key in summary
    ]
    return table(("metric", "value", "95 % interval", "always the majority class"), rows)


def _classes(summary: Numbers) -> str:
    rows = [
        (
            name,
            str(row["n"]),
            f"{percent(row['training_share'])} ({row['frequency']})",
            f"{number(row['auroc'])} ({interval(row['auroc_95'])})",
            f"{number(row['average_precision'])} ({interval(row['average_precision_95'])})",
            number(row["recall_at_fpr_10"]),
        )
        for name, row in summary["per_class"].items()
    ]
    unit = "reports" if "reading" in summary else "films"
    return table(
        ("class", unit, "share in training", "AUROC", "average precision", "recall at FPR 10 %"), rows
    )


def _subgroups(summary: Numbers) -> str:
    rows = [
        (
            by,
            name,
            f"{row['n']} ({row['patients']})",
            f"{number(row.get('macro_auroc'))} ({interval(row.get('macro_auroc_95', [None]))})"
            if "macro_auroc" in row
            else "too few films",
            number(row.get("accuracy")),
        )
        for by, groups in summary.get("subgroups", {}).items()
        for name, row in groups.items()
    ]
    return table(("by", "group", "films (patients)", "macro AUROC", "accuracy"), rows) if rows else ""


def _audit(summary: Numbers) -> str:
    if not summary.get("audit"):
        return ""
    rows = [
        (
            row["name"],
            row["sees"],
            f"{number(row['macro_auroc'])} ({interval(row['macro_auroc_95'])})",
            number(row["accuracy"]),
            f"{number(row['difference'])} ({interval(row['difference_95'])})",
            number(row["p"]),
        )
        for row in summary["audit"]
    ]
    head = ("beside it", "what it sees", "macro AUROC", "accuracy", "checkpoint ahead by", "paired p")
    return table(head, rows) + f"\n{beaten(summary)}\n"


def beaten(summary: Numbers) -> str:
    """In a sentence, which of the small models the checkpoint does not beat."""
    rivals = summary.get("not_beaten", [])
    if not rivals:
        return "The checkpoint beats each of them with a paired p below 0.01."
    return f"**The checkpoint does not beat {' or '.join(rivals)} with a paired p below 0.01.**"


# --- all measurements --------------------------------------------------------------------------------------


def calibration(tasks: Mapping[str, Numbers]) -> str:
    """Prediction sets and operating points of each task."""
    parts = []
    for task, found in tasks.items():
        sets = found["prediction_sets"]
        low, high = sets["coverage_5_to_95"]
        by_class = ", ".join(f"{name} {percent(share)}" for name, share in sets["coverage_by_class"].items())
        parts.append(
            f"**{task}** ({found['films']} films of {found['patients']} patients): prediction sets meant to"
            f" hold the label for {percent(sets['wanted'])} of films held it for"
            f" {100 * sets['coverage']:.1f} %"
            f" (5th to 95th percentile over halvings: {100 * low:.1f} to {100 * high:.1f}) of those whose"
            f" patients had no part in them, with {number(sets['mean_size'], 2)} classes on average."
            f" By class: {by_class}.{_one_threshold(found.get('sets_with_one_threshold'))}\n"
        )
        rows = [
            (
                point["class_name"],
                point["rule"],
                number(point["threshold"]),
                number(point["sensitivity"]),
                number(point["specificity"]),
            )
            for point in found["operating_points"]
        ]
        if rows:
            parts.append(table(("class", "operating point", "threshold", "sensitivity", "specificity"), rows))
    return "\n".join(parts)


def _one_threshold(sets: Numbers | None) -> str:
    """What sets with one threshold for all classes would do instead."""
    if not sets:
        return ""
    by_class = ", ".join(f"{name} {percent(share)}" for name, share in sets["coverage_by_class"].items())
    return (
        f" Each class has a threshold of its own; one threshold for all would give"
        f" {number(sets['mean_size'], 2)} classes on average and hold {100 * sets['coverage']:.1f} %:"
        f" {by_class}."
    )


def ceilings(found: Numbers) -> str:
    """How far the readers agree with each other."""
    parts = [
        f"RICORD-1c, {task} ({row['studies']} studies): two readers agree on {percent(row['pairs'])} of"
        f" pairs; a"
        f" reading agrees with its study's majority, its own vote included, in"
        f" {percent(row['majority'])}, and with"
        f" a strict majority of the other readers in {percent(row['others'])}; mean kappa of two readers"
        f" {number(row['kappa'], 2)}."
        for task, row in found.get("ricord", {}).items()
    ]
    if "severity" in found:
        row = found["severity"]["kappa_grading"]
        zones = found["severity"]["kappa_brixia_sum"]
        parts.append(
            f"Cohen's two Brixia readers: quadratic kappa {number(row['value'], 2)}"
            f" ({interval(row['95'])}) for the"
            f" grading that follows from their zones, {number(zones['value'], 2)} for their sums"
            f" ({zones['films']} films)."
        )
    return "\n".join(f"- {part}" for part in parts) + ("\n" if parts else "")


def familiarity(found: Numbers) -> str:
    """What the gate flags."""
    if not found:
        return "It reads no film, so there is no gate.\n"
    rows = [
        (KIND_NAMES.get(name, name), str(row["films"]), percent(row["flagged"]))
        for name, row in found["kinds"].items()
    ]
    by_source = ", ".join(
        f"{name} {percent(row['flagged'])} of {row['films']}" for name, row in found["by_source"].items()
    )
    return (
        table(("films", "how many", "flagged as unfamiliar"), rows)
        + f"\nValidation films flagged, by source: {by_source}.\n"
    )


def duplicates(found: Numbers) -> str:
    """How many films are one film."""
    films = ", ".join(f"{count} of {name}" for name, count in found["films"].items())
    exact, near = found["exact"], found["near"]
    across = ", ".join(f"{n} between {name}" for name, n in found["across_corpora"].items()) or "none"
    return (
        f"Among {films}: {exact['pairs']} pairs of identical files and {near['pairs']} of nearly the same"
        f" film"
        f" (perceptual hashes of the middle square that differ in at most {found['at_most']} of"
        f" {found['bits']}"
        f" bits), {exact['of_two_patients'] + near['of_two_patients']} of them under two patients' names;"
        f" {exact['across_the_split'] + near['across_the_split']} pairs cross the split"
        f" ({found['validation_films_with_a_twin_in_training']} held-out films have a twin in training"
        f" and were not measured);"
        f" across corpora: {across}.{_left_out(found['left_out'])}\n"
    )


def _left_out(found: Numbers) -> str:
    if not found["films"]:
        return ""
    films = " and ".join(f"{count} of {name}" for name, count in found["films"].items())
    twins = ", ".join(f"{n} pairs between {name}" for name, n in found["across_corpora"].items()) or "no pair"
    return f" Of the films in those files that are on no side ({films}): {twins}."


_APPEARANCE_ALONE = """No set that could be had carries appearance labels *and* a clinical table for the
same film; so the appearance head reads the film alone, and a clinical field cannot change it. The
grading head reads film and table.
"""
_GRADING_FROM = """Grading labels count the lung zones that the senior Brixia reader marked above 0 (1-2
Mild, 3-4 Moderate, more Severe); where a film has only a geographic extent (0-8), cut points linked on
the films that have both readings turn it into zones.
"""
_GRADING_LIMITS = """- Grading rests on few patients; look at the interval, not at the number.
- The table's part in grading was learnt from films of which most have few known fields.
"""
_GRADED = {"cohen", "hannover"}


def labels_from(trained_on: Collection[str]) -> str:
    """Where the labels of a film checkpoint come from, and which head may read the table."""
    parts = [_APPEARANCE_ALONE] if "siim" in trained_on else []
    parts += [_GRADING_FROM] if _GRADED & set(trained_on) else []
    return "".join(part + "\n" for part in parts)


def grading_limits(trained_on: Collection[str]) -> str:
    """What the few graded patients of Cohen and Hannover leave open."""
    return _GRADING_LIMITS if _GRADED & set(trained_on) else ""


def label_shift(measurements: Mapping[str, Numbers]) -> str:
    """The classes' shares in training, which the probabilities follow."""
    parts = []
    for title, summary in measurements.items():
        if " and " not in summary["corpus"]:
            shares = ", ".join(
                f"{name} {percent(row['training_share'])}" for name, row in summary["per_class"].items()
            )
            parts.append(f"{title}: {shares}")
    return "; ".join(parts)


def index(name: str, measurements: Mapping[str, Numbers]) -> str:
    """The YAML `model-index` of the Hub's results widget."""
    lines = ["model-index:", f"- name: {name}", "  results:"]
    for summary in measurements.values():
        lines += [
            "  - task:",
            f"      type: {'text' if 'reading' in summary else 'image'}-classification",
            f"      name: {summary['task']}",
            "    dataset:",
            f"      type: {summary['corpus'].replace(' ', '-')}",
            f"      name: {summary['corpus']} ({summary['split']})",
            "    metrics:",
        ]
        for key in INDEXED:
            if summary.get(key) is not None:
                lines += [f"    - type: {key}", f"      value: {summary[key]}"]
    return "\n".join(lines) + "\n"
