"""The part of a film checkpoint's card about rare classes: Markdown from `imbalance.json` alone."""

from collections.abc import Mapping
from typing import Any

from hub_config.cards.film_sections import interval, number, table

HEAD = ("loss", "average precision", "AUROC", "macro F1", "accuracy", "calibration error", "recall", "p")


def imbalance(found: Mapping[str, Any]) -> str:
    """What weighing rare classes does to a head on frozen features."""
    if not found:
        return "Not measured.\n"
    told = (
        f"The {found['task']} head fitted anew on this checkpoint's frozen features, its loss weighed in"
        f" different ways ({found['train']} training films, {found['validation']} validation films); the"
        " features were learnt with one of them. p is paired, against the first row, for average precision"
        " and for macro F1.\n\n"
    )
    return told + table(HEAD, [_row(name, row) for name, row in found["ways"].items()])


def _row(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    def wide(metric: str) -> str:
        return f"{number(row[metric])} ({interval(row[f'{metric}_95'])})"

    plain = (number(row[metric]) for metric in ("accuracy", "expected_calibration_error"))
    recall = ", ".join(f"{label} {number(share, 2)}" for label, share in row["recall"].items())
    p = " / ".join(number(one["p"]) for one in row.get("ahead", {}).values())
    return (
        name,
        wide("macro_average_precision"),
        number(row["macro_auroc"]),
        wide("macro_f1"),
        *plain,
        recall,
        p,
    )
