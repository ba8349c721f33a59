"""The fusion comparison as Markdown, as it stands in docs/results.md.

Every number and every verdict comes from `fusion_comparison.json`, which `viewbox fusion` measures.
"""

from collections.abc import Mapping
from typing import Any

FUSION_FILE = "fusion_comparison.json"
SIGNIFICANT = 0.05

ARMS = {
    "film": "film alone",
    "table": "table alone",
    "known_fields": "control: which fields are known",
    "product": "both: product",
    "concat": "both: concat",
    "gated": "both: gated",
    "cross_attention": "both: cross-attention",
}
FUSIONS = ("product", "concat", "gated", "cross_attention")
METRICS = {
    "spearman_extent": "Spearman with extent",
    "quadratic_kappa": "quadratic kappa",
    "macro_auroc": "macro AUROC",
}
BACKBONES = {"imagenet": "ImageNet features, which have seen no chest film"}
_INTRO = """{films} films of {patients} patients (Cohen {cohen}, Hannover {hannover}), frozen film features,
the same small model and recipe for every row, {folds}-fold cross-validation by patient, {seeds} repetitions.
Spearman is with the experts' geographic extent ({extents} films). Brackets: 95 % intervals over patients; p:
paired bootstrap against the film alone on Spearman, Holm-corrected over the four fusions."""


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.3f}".replace("-", "−")


def _measured(cell: Mapping[str, Any], sign: str = "") -> str:
    low, high = cell["95"]
    return f"{_number(cell['value'], sign)} [{_number(low, sign)}, {_number(high, sign)}]"


def _table(block: Mapping[str, Any]) -> list[str]:
    lines = [
        f"| model | {' | '.join(METRICS.values())} | ahead of film alone | p |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in block["rows"].items():
        cells = [_measured(row[metric]) for metric in METRICS]
        test = row.get("versus_film", {}).get("spearman_extent")
        cells += ["", ""] if test is None else [_measured(test, "+"), _number(test.get("p_holm", test["p"]))]
        lines.append(f"| {ARMS[name]} | {' | '.join(cells)} |")
    return lines


def verdict(block: Mapping[str, Any]) -> str:
    """Which fusions are better or worse than the film alone, in a sentence."""
    better, worse = [], []
    for name in FUSIONS:
        test = block["rows"][name]["versus_film"]["spearman_extent"]
        if test["p_holm"] < SIGNIFICANT:
            (better if test["value"] > 0 else worse).append(name)
    told = (
        f"Better than the film alone: {', '.join(better)}." if better else "No fusion beats the film alone."
    )
    return told + (f" Worse: {', '.join(worse)}." if worse else "")


def _backbone(backbone: Mapping[str, Any]) -> str:
    name, seen = backbone["name"], backbone["patients_seen_in_training"]
    if name in BACKBONES:
        return BACKBONES[name]
    trained = f"features of `{name}`, trained on {', '.join(backbone['trained_on'])}"
    if seen:
        return f"{trained}: {seen} of these patients among them, so its numbers flatter"
    return f"{trained}: none of these patients"


def fusion_markdown(found: Mapping[str, Any]) -> str:
    """Tables, verdicts and the readers' ceiling.

    Args:
        found: `fusion_comparison.json`.
    """
    protocol = found["protocol"]
    block = found["backbones"][0]["cross_validation"]
    parts = [
        _INTRO.format(
            films=block["films"],
            patients=block["patients"],
            extents=block["films_with_extent"],
            cohen=protocol["corpora"]["cohen"]["films"],
            hannover=protocol["corpora"]["hannover"]["films"],
            folds=protocol["folds"],
            seeds=protocol["seeds"],
        )
    ]
    for backbone in found["backbones"]:
        outside = backbone["cohen_to_hannover"]
        parts += ["", f"**{_backbone(backbone)}**", ""]
        parts += _table(backbone["cross_validation"])
        parts += ["", verdict(backbone["cross_validation"]), ""]
        parts.append(
            f"Trained on Cohen, read on Hannover ({outside['films']} films, {outside['patients']} patients;"
            f" fields that both fill in: {', '.join(protocol['fields_in_both'])}):"
        )
        parts += ["", *_table(outside), "", verdict(outside)]
    parts += ["", _ceiling(found["readers"]), ""]
    return "\n".join(parts)


def _ceiling(readers: Mapping[str, Any]) -> str:
    def told(name: str) -> str:
        return _measured(readers[name])

    films = readers["kappa_brixia_zones"]["films"]
    return (
        f"**The readers themselves**: two Brixia readers of the same {films} films agree with a quadratic"
        f" kappa of {told('kappa_brixia_zones')} on a zone's score, {told('kappa_brixia_sum')} on the sum and"
        f" {told('kappa_grading')} on the grading that follows from it; the senior reader's sum has a"
        f" Spearman of {told('spearman_extent_senior')} with the extent that others read, the junior's"
        f" {told('spearman_extent_junior')}."
    )
