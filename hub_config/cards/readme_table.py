"""The README's table of measured checkpoints."""

from collections.abc import Mapping

from hub_config.cards.film_sections import Numbers, interval, number, table


def readme_table(measurements: Mapping[str, Numbers]) -> str:
    """The README's table: each measurement beside the strongest model that never sees the lungs."""
    head = (
        "measured on",
        "films (patients)",
        "macro AUROC",
        "average precision",
        "accuracy (majority)",
        "calibration error",
        "strongest beside it",
    )
    rows = []
    for title, s in measurements.items():
        rows.append(
            (
                f"{title} ({s['split']})",
                f"{s['n']} ({s['patients']})",
                f"{number(s['macro_auroc'])} ({interval(s['macro_auroc_95'])})",
                f"{number(s['macro_average_precision'])} ({interval(s['macro_average_precision_95'])})",
                f"{number(s['accuracy'])} ({number(s['majority']['accuracy'])})" if "accuracy" in s else "-",
                number(s["expected_calibration_error"]),
                _strongest(s),
            )
        )
    return table(head, rows)


def _strongest(summary: Numbers) -> str:
    rivals = [row for row in summary.get("audit", []) if row["sees"] != "this checkpoint"]
    if not rivals:
        return "-"
    best = max(rivals, key=lambda row: row["macro_auroc"] or 0.0)
    return f"{best['name']} {number(best['macro_auroc'])} (p {number(best['p'])})"
