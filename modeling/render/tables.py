"""What was measured of a checkpoint, as tables: its card prints them as Markdown, the page as HTML.

The files of numbers are read with suspicion: a Hub repo may hold anything or nothing.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HEADLINES = (
    "macro_auroc", "macro_average_precision", "accuracy", "macro_f1", "matthews", "quadratic_kappa",
    "spearman", "recall_at_fpr_05", "recall_at_fpr_10", "expected_calibration_error", "brier",
)  # fmt: skip
SUBGROUPS = ("sex", "age", "view", "source")
MODALITIES = ("image", "table", "text")
FUSIONS = ("product", "concat", "gated", "cross_attention")
FUSION_METRICS = ("spearman_extent", "quadratic_kappa", "macro_auroc")
SHORTCUT = (
    "accuracy_without_arrow", "accuracy_with_arrow", "turned_to_learnt", "rise_of_learnt", "evidence_on_arrow"
)  # fmt: skip
SIGNIFICANT = 0.05


def part(entry: Any, *keys: str) -> Mapping[str, Any]:
    """A mapping inside of mappings; empty where there is none."""
    for key in keys:
        entry = entry.get(key) if isinstance(entry, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def rows(entry: Any, key: str) -> list[Mapping[str, Any]]:
    """A list of mappings; empty where there is none."""
    found = entry.get(key) if isinstance(entry, Mapping) else None
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def number(entry: Any, key: str) -> float | None:
    """A finite number; None where there is none."""
    found = entry.get(key) if isinstance(entry, Mapping) else None
    if isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found):
        return float(found)
    return None


def interval(entry: Any, key: str) -> tuple[float, float] | None:
    """The two ends of an interval; None where there are not two."""
    found = entry.get(key) if isinstance(entry, Mapping) else None
    if not isinstance(found, list) or len(found) != 2:
        return None
    low, high = (number({"end": end}, "end") for end in found)
    return None if low is None or high is None else (low, high)


@dataclass(frozen=True)
class Value:
    """A number of a table, with its interval."""

    value: float | None  # None where it is not defined
    ends: tuple[float, float] | tuple[()] | None = ()  # 95 %; () has none by nature, None is not there
    digits: int = 3  # behind the point


@dataclass(frozen=True)
class Table:
    """Numbers in rows; a text is a name that whoever prints it puts into words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | Value, ...], ...]

    @classmethod
    def of(cls, columns: str, found: Iterable[tuple[str | Value, ...]]) -> "Table":
        """Columns as words of one line."""
        return cls(tuple(columns.split()), tuple(found))

    def pick(self, columns: str) -> "Table":
        """Some of the columns, in the order in which they are named."""
        places = [self.columns.index(name) for name in columns.split()]
        return Table.of(columns, (tuple(row[i] for i in places) for row in self.rows))


def _with_interval(entry: Any, key: str) -> Value:
    """As `metrics.json` holds it."""
    return Value(number(entry, key), interval(entry, f"{key}_95"))


def measured(entry: Mapping[str, Any], digits: int = 2) -> Value:
    """A value as the commands on maps, fusion and shortcuts write it, in any of their forms."""
    if number(entry, "value") is None and "value" not in entry:
        return Value(None)  # not asked for when it was measured
    pair = entry.get("interval_95") or entry.get("95") or [entry.get("low"), entry.get("high")]
    return Value(number(entry, "value"), interval({"pair": pair}, "pair"), digits)


# --- one task on one corpus


def headline_table(entry: Mapping[str, Any]) -> Table:
    """Every metric that was measured, with its interval and what the majority class reaches."""
    majority, body = part(entry, "majority"), []
    for key in HEADLINES:
        found = _with_interval(entry, key)
        if found.value is not None:
            constant = Value(number(majority, key)) if key in majority else ""
            body.append((key, Value(found.value), found, constant))
    return Table.of("metric value interval majority", body)


def measurement_table(measurements: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each measurement: how many films, and the two numbers that are read first."""
    keys = ("macro_auroc", "accuracy")
    body = [
        (title, Value(number(entry, "n"), digits=0), *(_with_interval(entry, key) for key in keys))
        for title, entry in measurements.items()
    ]
    return Table.of("measurement films macro_auroc accuracy", body)


def class_table(entry: Mapping[str, Any]) -> Table:
    """Every class: films, its share in training, and how well it is ranked."""
    body = []
    for name, row in part(entry, "per_class").items():
        share, ranked = number(row, "training_share"), ("auroc", "average_precision")
        told = "-" if share is None else f"{100 * share:.0f} % ({row.get('frequency')})"
        scores = (_with_interval(row, key) for key in ranked)
        films, recall = Value(number(row, "n"), digits=0), Value(number(row, "recall_at_fpr_10"))
        body.append((str(name), films, told, *scores, recall))
    return Table.of("class films share auroc average_precision recall", body)


def group_table(entry: Mapping[str, Any]) -> Table:
    """Macro AUROC and accuracy by sex, age, view and source; "too few" in place of them."""
    body = []
    for by in SUBGROUPS:
        for name, row in part(entry, "subgroups", by).items():
            films, patients = (Value(number(row, key), digits=0) for key in ("n", "patients"))
            ranked = _with_interval(row, "macro_auroc")
            shown = "too few" if ranked.value is None else ranked
            body.append((by, str(name), films, patients, shown, Value(number(row, "accuracy"))))
    return Table.of("by group films patients macro_auroc accuracy", body)


def audit_table(entry: Mapping[str, Any]) -> Table:
    """What stands beside the checkpoint on the same films, and by how much it is ahead of each."""
    keys = ("macro_auroc", "macro_average_precision", "difference")
    body = []
    for row in rows(entry, "audit"):
        names = (str(row.get(key, "")) for key in ("name", "sees"))
        plain = (Value(number(row, key)) for key in ("accuracy", "p"))
        body.append((*names, *(_with_interval(row, key) for key in keys), *plain))
    return Table.of("model sees macro_auroc macro_average_precision difference accuracy p", body)


def point_table(entry: Mapping[str, Any]) -> Table:
    """Operating points: thresholds with what they give."""
    keys = ("threshold", "sensitivity", "specificity")
    body = [
        (
            *(str(row.get(key, "")) for key in ("class_name", "rule")),
            *(Value(number(row, key)) for key in keys),
        )
        for row in rows(entry, "operating_points")
    ]
    return Table.of("class rule threshold sensitivity specificity", body)


# --- maps, fusion, and what films with a known truth show


def map_table(found: Mapping[str, Any]) -> Table:
    """Every map, control and prior: does it point at the evidence?"""
    keys = ("hit_rate", "miou", "on_evidence", "in_lungs")
    body = [
        (
            str(name),
            *(measured(part(row, key)) for key in keys),
            Value(number(row, "median_seconds"), digits=2),
        )
        for name, row in part(found, "maps").items()
    ]
    return Table.of("map hit miou on_evidence in_lungs seconds", body)


def fusion_table(block: Mapping[str, Any]) -> Table:
    """Every arm with its three metrics and its test against the film alone."""

    body = []
    for name, row in part(block, "rows").items():
        test = part(row, "versus_film", FUSION_METRICS[0])
        p = number(test, "p_holm" if "p_holm" in test else "p")
        told = (measured(test, 3), Value(p)) if test else ("", "")
        body.append((str(name), *(measured(part(row, key), 3) for key in FUSION_METRICS), *told))
    return Table.of(f"arm {' '.join(FUSION_METRICS)} ahead_of_film p", body)


def fusion_verdict(block: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The fusions that are better, and those that are worse, than the film alone (corrected p)."""
    better, worse = [], []
    for name in FUSIONS:
        test = part(block, "rows", name, "versus_film", FUSION_METRICS[0])
        p, ahead = number(test, "p_holm"), number(test, "value")
        if p is not None and ahead is not None and p < SIGNIFICANT:
            (better if ahead > 0 else worse).append(name)
    return better, worse


def gain_table(found: Mapping[str, Any], digits: int = 2) -> Table:
    """What the answer loses without each modality, on phantoms whose evidence it holds."""
    held, body = part(found, "ablation", "cases_whose_evidence_it_holds"), []
    for modality in MODALITIES:
        everything, lost = (
            part(held, modality, "everything"),
            part(held, modality, f"without_{modality}", "drop"),
        )
        if number(lost, "value") is not None:
            cases = Value(number(everything, "n") or 0, digits=0)
            body.append((modality, cases, *(measured(one, digits) for one in (everything, lost))))
    return Table.of("held_by cases everything lost", body)


def shortcut_table(found: Mapping[str, Any]) -> Table:
    """The twin beside the checkpoint that did not learn the arrow, on the same films."""
    both = ("twin", "checkpoint")
    body = [
        (key, *(measured(part(found, who, key)) for who in both))
        for key in SHORTCUT
        if number(part(found, "twin", key), "value") is not None
    ]
    return Table.of("measure twin checkpoint", body)
