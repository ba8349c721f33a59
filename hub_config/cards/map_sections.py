"""The parts of a card and docs/results.md about maps and shortcuts: Markdown from the commands' JSON."""

from collections.abc import Mapping
from typing import Any

from hub_config.cards.film_sections import number, table
from modeling.explain.registry import map_methods

Numbers = Mapping[str, Any]

MAP_NAMES = {
    **{f"{m.name}_{start}": f"{m.title} from {start}" for m in map_methods() for start in m.starts},
    **{m.name: m.title for m in map_methods() if not m.starts},
    "centre_prior": "prior: the film's centre",
    "location_prior": "prior: where other patients' evidence lies",
}
PARTS = {"image": "film", "table": "table", "text": "words"}
_WITHOUT = {"everything": "everything", **{f"without_{m}": f"without the {n}" for m, n in PARTS.items()}}


def measured(found: Numbers, digits: int = 2) -> str:
    """A value with its interval, in either form that the commands write."""
    low, high = found["interval_95"] if "interval_95" in found else (found["low"], found["high"])
    return f"{number(found['value'], digits)} [{number(low, digits)}, {number(high, digits)}]"


def _studied(found: Numbers) -> str:
    if "data" in found:
        side = {"all": "", "train": "training "}.get(found["split"], f"{found['split']} ")
        return f"{found['films']} {side}films with radiologists' boxes"
    return f"{found['films']} unseen phantoms whose film shows the evidence"


def maps(found: Numbers) -> str:
    """Does each map point at the evidence, beside its controls and priors."""
    if not found:
        return "Not measured.\n"
    rows = [
        (
            MAP_NAMES.get(name, name),
            measured(row["hit_rate"]),
            measured(row["miou"]),
            measured(row["on_evidence"]),
            "-" if row["median_seconds"] is None else f"{row['median_seconds']:.2f}",
        )
        for name, row in found["maps"].items()
    ]
    text = f"On {_studied(found)}:\n\n" + table(
        ("map", "hit rate", "mIoU", "share on the evidence", "seconds"), rows
    )
    text += f"\nThe evidence covers {measured(found['evidence_area'])} of a film.\n"
    return text + "".join(part for part in (_gathered(found), _planted(found), _ablation(found)) if part)


def _gathered(found: Numbers) -> str:
    """The account from black, gathered at several scales."""
    if "gathered" not in found:
        return ""
    rows = [
        (f"{100 * float(scale):.0f} %", measured(row["hit_rate"]), measured(row["on_evidence"]))
        for scale, row in found["gathered"].items()
    ]
    return (
        "\nIntegrated Gradients from black, gathered by a Gaussian whose deviation is that share of the"
        " film's longer side; what is positive then is scored:\n\n"
        + table(("gathered at", "hit rate", "share on the evidence"), rows)
    )


def _planted(found: Numbers) -> str:
    planted = found.get("planted_evidence")
    if not planted:
        return ""
    rows = [
        (MAP_NAMES[name], *(measured(row[part]) if part in row else "-" for part in PARTS.values()))
        for name, row in planted.items()
        if name != "cases"
    ]
    first = planted["integrated_gradients_black"]
    even = tuple(number(first[part]["by_area"], 2) for part in PARTS.values())
    conflict = first["conflict"]
    return (
        f"\nMean share of the positive attribution that lies on the evidence planted in each modality"
        f" ({planted['cases']} phantoms; occlusion takes fields and words away one by one; a map of the film"
        " alone says nothing of the others):\n\n"
        + table(("method", *PARTS.values()), [*rows, ("an even account", *even)])
        + f"\nIn conflict cases that the checkpoint got right ({conflict['n']} measurable ones of"
        f" {conflict['cases']}), the modality that holds the evidence gets a median share of"
        f" {measured(conflict)} of Integrated Gradients from black; with randomised weights the same model"
        f" gives {measured(planted['random_weights']['conflict'])}, so that this share alone proves little.\n"
    )


def _ablation(found: Numbers) -> str:
    ablation = found.get("ablation")
    if not ablation:
        return ""
    everything = ablation["all_cases"]
    rows = [(label, measured(everything[key], 3)) for key, label in _WITHOUT.items() if key in everything]
    head = f"\nAppearance macro AUROC on {ablation['cases']} unseen phantoms, with modalities taken away:\n\n"
    text = head + table(("given", "macro AUROC"), rows)
    held = [
        (
            name,
            str(row["everything"]["n"]),
            measured(row["everything"], 3),
            measured(row[f"without_{m}"]["drop"], 3),
        )
        for m, name in PARTS.items()
        if f"without_{m}" in (row := ablation["cases_whose_evidence_it_holds"].get(m, {}))
    ]
    if held:
        columns = ("evidence lies in", "phantoms", "with everything", "lost without it")
        text += "\n" + table(columns, held)
    return text


def shortcut(found: Numbers) -> str:
    """What the planted arrow does to the twin and to the checkpoint that did not learn it."""
    if not found:
        return "Not measured.\n"
    names = {
        "accuracy_without_arrow": "accuracy without the arrow",
        "accuracy_with_arrow": "accuracy with the arrow on every film",
        "turned_to_learnt": f"share of other films that the arrow turns to {found['learnt']}",
        "rise_of_learnt": f"median rise of the probability of {found['learnt']} on them",
        "evidence_on_arrow": "median share of the film's evidence on the arrow",
    }
    rows = [
        (label, *(measured(found[who][key]) if key in found[who] else "-" for who in ("twin", "checkpoint")))
        for key, label in names.items()
    ]
    return (
        f"{found['pairs']} unseen phantoms, film alone, each without and with the arrow;"
        " nothing else differs:\n\n"
        + table(("", "twin", "teaching checkpoint"), rows)
        + f"\nThe arrow covers a median {number(100 * found['arrow_share_of_film'], 1)} % of the film.\n"
    )


def maps_of_all(checkpoints: Mapping[str, Numbers]) -> str:
    """One table over all checkpoints: hit rates.

    Args:
        checkpoints: name -> what the localisation command printed.
    """
    names = [name for name in MAP_NAMES if any(name in found["maps"] for found in checkpoints.values())]
    rows = [
        (
            MAP_NAMES[name],
            *(
                measured(found["maps"][name]["hit_rate"]) if name in found["maps"] else "-"
                for found in checkpoints.values()
            ),
        )
        for name in names
    ]
    studied = "; ".join(f"{name}: {_studied(found)}" for name, found in checkpoints.items())
    return f"Hit rate with 95 % intervals ({studied}):\n\n" + table(("map", *checkpoints), rows)
