"""The parts of a text checkpoint's card: Markdown from the JSON files beside it alone."""

from collections.abc import Mapping
from typing import Any

from hub_config.cards.film_sections import interval, measurement, number, percent, table

Numbers = Mapping[str, Any]


def with_interval(row: Numbers, key: str) -> str:
    """`0.988 (0.985 to 0.991)`."""
    return f"{number(row[key])} ({interval(row.get(f'{key}_95', row.get(f'{key}_interval', [None])))})"


def readings(metrics: Numbers) -> str:
    """This checkpoint beside everything else that was scored on the same held-out reports."""
    (summary,) = metrics["measurements"].values()
    rows = [("**this checkpoint**", f"the {summary['reading']}", summary, "", "")]
    for row in summary["audit"]:
        ahead = f"{number(row['difference'])} ({interval(row['difference_95'])})"
        rows.append((row["name"], row["sees"], row, ahead, number(row["p"])))
    head = ("model", "what it sees", "mean AUROC", "mean average precision", "ahead by", "paired p")
    keys = ("macro_auroc", "macro_average_precision")
    body = [
        (name, sees, *(with_interval(row, key) for key in keys), ahead, p)
        for name, sees, row, ahead, p in rows
    ]
    return table(head, body)


def benchmark(metrics: Numbers) -> str:
    """TF-IDF by five-fold cross-validation over all reports, as `training.text_only` prints it."""
    return "; ".join(
        f"{name} {with_interval(row, 'mean_auroc')}" for name, row in metrics["benchmark"].items()
    )


def results(metrics: Numbers) -> str:
    """The headline and every finding; what stands beside it has a table of its own."""
    return "\n".join(
        measurement(title, {**summary, "audit": []}) for title, summary in metrics["measurements"].items()
    )


def twins(metrics: Numbers) -> str:
    """How many held-out texts training has seen word for word."""
    found = metrics["duplicates"]
    told = (
        f"Of the {found['reports']} held-out reports, {found['with_a_twin']} read word for word like a report"
        " that training saw."
    )
    without = found["without"]
    if not without:
        return f"{told}\n"
    value = with_interval(without, "macro_auroc")
    return f"{told} Without those ({without['n']} left) the mean AUROC is {value}.\n"


def operating_points(metrics: Numbers) -> str:
    """Thresholds from the validation reports."""
    (found,) = metrics["tasks"].values()
    keys = ("threshold", "sensitivity", "specificity")
    rows = [
        (point["class_name"], point["rule"], *(number(point[key]) for key in keys))
        for point in found["operating_points"]
    ]
    if not rows:
        return "None was measured.\n"
    return (
        f"From {found['films']} validation reports.\n\n{table(('finding', 'operating point', *keys), rows)}"
    )


def weak_labels(found: Numbers) -> str:
    """The same model and recipe trained on mined and on index-term labels, on the same test."""
    if not found:
        return "Not measured for this reading.\n"
    rows = [
        (
            name,
            str(row["reports"]),
            with_interval(row, "macro_auroc"),
            with_interval(row, "macro_average_precision"),
            f"{number(row['difference'])} ({interval(row['difference_95'])})" if "difference" in row else "",
            number(row["p"]) if "p" in row else "",
        )
        for name, row in found["sources"].items()
    ]
    head = ("trained on", "reports", "mean AUROC", "mean average precision", "first row ahead by", "paired p")
    return table(head, rows) + f"\nTested on the same {found['test_reports']} held-out reports.\n"


def developed(found: Numbers) -> str:
    """How the recipe was chosen: inside the training reports, and what was known of the test before."""
    if not found:
        return ""
    own, words = (with_interval(found[name], "mean_auroc") for name in ("recipe", "tfidf"))
    told = (
        "The recipe was developed on the training reports alone."
        f" Taught by {found['trained_reports']} of them and tested on {found['tested_reports']} others"
        f" (word-for-word copies on one side), it has a mean AUROC of {own} there, and TF-IDF with logistic"
        f" regression {words} (`inner_fold.json`); variants were compared on those, so it leans high. Then it"
        " was trained once on all training reports, and measured once."
    )
    if "known_before" in found:
        told += (
            f" **A former recipe's score on the same held-out reports, {number(found['known_before'])}, was"
            " known before**: it was the reason to look for another one, and reading two reports as one"
            " (`text_joining`) was thought of after it was seen."
        )
    return f"{told}\n\n"


def sides(metrics: Numbers) -> str:
    """How many reports stand on which side."""
    counts = metrics["sides"]
    share = percent(counts["test"] / sum(counts.values()))
    return (
        f"{counts['train']} reports to train on, {counts['validation']} for temperature and operating points,"
        f" {counts['test']} ({share}) held out"
    )


def docs_part(folders: Mapping[str, tuple[Numbers, Numbers]]) -> str:
    """What docs/reports.md says of every text checkpoint.

    Args:
        folders: name -> its `metrics.json` and `weak_labels.json` (empty where there is none).
    """
    rows, weak = [], ""
    for name, (metrics, mined) in folders.items():
        (summary,) = metrics["measurements"].values()
        beside = {row["name"]: row for row in summary["audit"]}[f"TF-IDF, {summary['reading']}"]
        rows.append(
            (
                f"{name}: the {summary['reading']}",
                str(summary["n"]),
                with_interval(summary, "macro_auroc"),
                with_interval(summary, "macro_average_precision"),
                with_interval(beside, "macro_auroc"),
                with_interval(beside, "macro_average_precision"),
                with_interval(metrics["benchmark"][summary["reading"]], "mean_auroc"),
            )
        )
        if mined:
            weak = f"\nMined labels against index terms, the same model and recipe:\n\n{weak_labels(mined)}"
    head = (
        "reads", "held out", "BERT: mean AUROC", "mean AP", "TF-IDF, same reports: mean AUROC", "mean AP",
        "TF-IDF, five folds over all",
    )  # fmt: skip
    return table(head, rows) + weak
