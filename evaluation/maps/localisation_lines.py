"""The localisation benchmark as lines for a reader at a terminal."""

from typing import Any


def as_lines(summary: dict[str, Any]) -> list[str]:
    """The summary for a reader at a terminal."""
    where = summary.get("data") or f"phantoms (seed {summary['seed']}, {summary['size']} px)"
    lines = [
        f"{summary['checkpoint']} {summary['revision']}: maps of the reference appearance on {where}",
        f"{summary['films']} films of {summary['patients']} patients;"
        f" the evidence covers {_cell(summary['evidence_area'])} of the film",
        "",
        f"{'':30} {'hit rate':22} {'mIoU':22} {'share on evidence':22} seconds",
    ]
    for name, row in summary["maps"].items():
        seconds = "" if row["median_seconds"] is None else f"{row['median_seconds']:.3f}"
        cells = " ".join(f"{_cell(row[key]):22}" for key in ("hit_rate", "miou", "on_evidence"))
        lines.append(f"{name:30} {cells} {seconds}")
    best = summary["best"]
    margins = "; ".join(f"{name} {_cell(m, '+.2f')}" for name, m in best["hit_rate_above"].items())
    lines += ["", f"best hit rate: {best['method']}; above the others by (paired): {margins}"]
    if "planted_evidence" in summary:
        lines += ["", *_share_lines(summary["planted_evidence"])]
    if "ablation" in summary:
        lines += ["", *_ablation_lines(summary["ablation"])]
    return [*lines, "", summary["warning"]]


def _cell(measured: dict[str, Any], form: str = ".3f") -> str:
    if measured["value"] is None:
        return "-"
    low, high = measured["interval_95"]
    return f"{measured['value']:{form}} [{low:{form}}, {high:{form}}]"


def _share_lines(planted: dict[str, Any]) -> list[str]:
    lines = [f"share of the positive attribution that lies on planted evidence ({planted['cases']} cases)"]
    for name, shares in ((n, s) for n, s in planted.items() if n != "cases"):
        for place in (p for p in ("film", "table", "words") if p in shares):
            row = shares[place]
            even = "-" if row["by_area"] is None else f"{row['by_area']:.3f}"
            lines.append(f"  {name:30} {place:6} {_cell(row):22} by area {even}, n {row['n']}")
        row = shares.get("conflict", {"n": 0})
        if row["n"]:
            lines.append(
                f"  {name:30} conflict cases got right ({row['right']} of {row['cases']}):"
                f" on the modality that holds the evidence, median {_cell(row)}, n {row['n']}"
            )
    return lines


def _ablation_lines(ablation: dict[str, Any]) -> list[str]:
    everyone = ablation["all_cases"]
    lines = [f"appearance macro AUROC ({ablation['cases']} cases)"]
    lines.append(f"  all cases, everything given       {_cell(everyone['everything'])}")
    for name, row in everyone.items():
        if name != "everything":
            lines.append(f"  all cases, {name:22} {_cell(row):22} drop {_cell(row['drop'])}")
    for modality, rows in ablation["cases_whose_evidence_it_holds"].items():
        given, taken = rows["everything"], rows[f"without_{modality}"]
        lines.append(f"  {modality} holds the evidence (n {given['n']}): everything {_cell(given)}")
        lines.append(f"    without it {_cell(taken)}, drop {_cell(taken['drop'])}")
    return lines
