"""Cards from measured numbers: `python -m hub_config.cards --checkpoint DIR --data FOLDER`.

Every number on a card is read from `metrics.json` beside it, which this command measures again with
`--data`; without it the card is only written anew.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modeling.configuration import FusionConfig, ProcessorConfig
from modeling.errors import ViewboxError
from modeling.evaluation import evaluate
from modeling.labels import TASKS, TaskName
from modeling.training.corpora import CORPORA

METRICS_FILE = "metrics.json"

LABELLED = {
    "siim": (TaskName.APPEARANCE,),
    "cohen": (TaskName.GRADING,),
    "hannover": (TaskName.GRADING,),
    "phantom": (TaskName.APPEARANCE, TaskName.GRADING),
}
"""Corpus -> the tasks that its films are labelled for."""

TERMS = {
    "siim": "SIIM-FISABIO-RSNA COVID-19 challenge films (BIMCV and MIDRC-RICORD): research, non-commercial,"
    " no redistribution",
    "cohen": "covid-chestxray-dataset (Cohen et al. 2020): licence per image",
    "hannover": "COVID-19 Image Repository, Hannover Medical School: CC BY 3.0",
    "phantom": "synthetic films of this project: CC0 1.0",
}

CHECKPOINTS = Path(__file__).with_name("checkpoints")
README = Path(__file__).parent.parent / "README.md"
_TEMPLATES = Path(__file__).parent


def _row(name: str, summary: dict[str, Any], key: str, baseline: str) -> str:
    low, high = summary[f"{key}_95"]
    return f"| {name} | {summary[key]:.3f} | {low:.3f} to {high:.3f} | {summary[baseline][key]:.3f} |"


def results_table(metrics: dict[str, Any]) -> str:
    """Markdown tables of every measurement in `metrics.json`, each beside its baseline and interval."""
    parts = []
    for title, summary in metrics.items():
        parts.append(
            f"### {title}: {summary['n']} films of {summary['patients']} patients ({summary['split']})\n"
        )
        parts.append("| metric | value | 95 % interval | always the majority class |\n|---|---|---|---|")
        parts.append(_row("macro AUROC", summary, "macro_auroc", "majority"))
        parts.append(_row("macro average precision", summary, "macro_average_precision", "majority"))
        parts.append(_row("accuracy", summary, "accuracy", "majority"))
        parts.append("\n| class | films | AUROC | average precision |\n|---|---|---|---|")
        for name, row in summary["per_class"].items():
            auroc, precision = row["auroc"], row["average_precision"]
            cells = ("-" if value is None else f"{value:.3f}" for value in (auroc, precision))
            parts.append(f"| {name} | {row['n']} | {' | '.join(cells)} |")
        parts.append(f"\nExpected calibration error {summary['expected_calibration_error']:.3f}.\n")
    return "\n".join(parts)


def _index(name: str, metrics: dict[str, Any]) -> str:
    """The YAML `model-index` of the Hub's results widget."""
    lines = ["model-index:", f"- name: {name}", "  results:"]
    for summary in metrics.values():
        lines += [
            "  - task:",
            "      type: image-classification",
            f"      name: {summary['task']}",
            "    dataset:",
            f"      type: {summary['corpus']}",
            f"      name: {summary['corpus']} ({summary['split']})",
            "    metrics:",
        ]
        for key in ("macro_auroc", "macro_average_precision", "accuracy"):
            lines += [f"    - type: {key}", f"      value: {summary[key]}"]
    return "\n".join(lines) + "\n"


def model_card(folder: Path) -> str:
    """The card of a checkpoint folder, from its configuration and `metrics.json` alone.

    Raises:
        ViewboxError: the folder has not been measured yet.
    """
    path = folder / METRICS_FILE
    if not path.is_file():
        raise ViewboxError(f"{folder.name} has no {METRICS_FILE}; measure it first with --data.")
    metrics = json.loads(path.read_text())
    config = FusionConfig.from_json(json.loads((folder / "config.json").read_text()))
    processor = ProcessorConfig.from_json(json.loads((folder / "preprocessor_config.json").read_text()))
    reads = "; ".join(f"{t.name} from the {' and '.join(t.modalities)}" for t in config.tasks)
    if processor.text is not None:
        reads += f" (text: {', '.join(processor.text.sections)})"
    corpora = "\n".join(f"- {TERMS[name]}" for name in config.sources if name in TERMS)
    name = f"viewbox-{folder.name}"
    template = "teaching_card.md" if config.sources == ("phantom",) else "film_card.md"
    return (
        (_TEMPLATES / template)
        .read_text()
        .format(
            index=_index(name, metrics),
            name=name,
            reads=reads,
            corpora=corpora,
            results=results_table(metrics),
        )
    )


def measure(folder: Path, data: Path) -> dict[str, Any]:
    """Every task of the checkpoint on every corpus that labels it and is there, validation films only."""
    config = FusionConfig.from_json(json.loads((folder / "config.json").read_text()))
    metrics = {}
    for corpus, tasks in LABELLED.items():
        for task in tasks:
            if corpus in config.sources and task in {t.name for t in config.tasks}:
                summary = evaluate(folder, data / CORPORA[corpus][0], task, corpus=corpus, split="validation")
                metrics[f"{TASKS[task].name} on {corpus}"] = summary
    return metrics


def readme_with_results(readme: str, checkpoints: Path) -> str:
    """The README with the results of every measured checkpoint between its two markers."""
    parts = []
    for folder in sorted(path for path in checkpoints.iterdir() if (path / METRICS_FILE).is_file()):
        metrics = json.loads((folder / METRICS_FILE).read_text())
        parts.append(f"**{folder.name}** ([card](hub_config/checkpoints/{folder.name}/README.md))\n")
        parts.append("| measured on | films (patients) | macro AUROC | 95 % interval | accuracy | majority |")
        parts.append("|---|---|---|---|---|---|")
        for title, s in metrics.items():
            low, high = s["macro_auroc_95"]
            parts.append(
                f"| {title} ({s['split']}) | {s['n']} ({s['patients']}) | {s['macro_auroc']:.3f} |"
                f" {low:.3f} to {high:.3f} | {s['accuracy']:.3f} | {s['majority']['accuracy']:.3f} |"
            )
        parts.append("")
    before, rest = readme.split("<!-- results -->")
    _, after = rest.split("<!-- /results -->")
    return f"{before}<!-- results -->\n" + "\n".join(parts) + f"<!-- /results -->{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write a checkpoint's card from measured numbers.")
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--data", type=Path, help="folder with the corpora: measure again before writing")
    options = parser.parse_args(arguments)
    try:
        if options.data is not None:
            text = json.dumps(measure(options.checkpoint, options.data), indent=2)
            (options.checkpoint / METRICS_FILE).write_text(text + "\n")
        (options.checkpoint / "README.md").write_text(model_card(options.checkpoint))
        README.write_text(readme_with_results(README.read_text(), CHECKPOINTS))
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
