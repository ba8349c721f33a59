"""Cards from measured numbers: every one is read from `metrics.json` and the files of numbers beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_config.cards.markdown import filled, part, words
from hub_config.cards.plots import plots, slug
from modeling.configuration import FusionConfig, ProcessorConfig, read_json
from modeling.errors import ViewboxError
from modeling.findings.knowledge import codes_json

METRICS_FILE = "metrics.json"
BESIDE = (
    "localisation", "verdicts", "phantoms", "shortcut", "weak_labels", "inner_fold", "imbalance",
    "fusion_comparison",
)  # fmt: skip
"""Other files of numbers: as `viewbox localise --json` prints them, for real films also on phantoms, and as
`verdicts`, `shortcut`, `label-sources`, `inner-fold`, `imbalance` and `fusion` write them."""
PLOTS = "plots"
LABELS = "labels.json"
TOKENIZER_FILE = "tokenizer.json"
STARTED = "initial_weights.json"
"""What a checkpoint was trained on, class by class, as `viewbox train` counted it."""
LICENCE = "LICENSE.md"
"""The terms of a checkpoint whose licence is none of the Hub's; its card links to them."""
CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"


def read_metrics(folder: Path) -> dict[str, Any]:
    """`metrics.json` of a checkpoint folder.

    Raises:
        ViewboxError: there is none, or it was written before the last change of its form.
    """
    path = folder / METRICS_FILE
    names = {"folder": folder.name, "metrics_file": METRICS_FILE}
    if not path.is_file():
        raise ViewboxError("{folder} has no {metrics_file}; measure it first with --data.", **names)
    metrics = json.loads(path.read_text())
    if "measurements" not in metrics:
        template = "{metrics_file} of {folder} has an old form; measure it again with --data."
        raise ViewboxError(template, **names)
    return metrics


def read_beside(folder: Path) -> dict[str, dict[str, Any]]:
    """The numbers of `BESIDE` by name; empty where the command has not been run."""
    files = {name: folder / f"{name}.json" for name in BESIDE}
    return {name: json.loads(path.read_text()) if path.is_file() else {} for name, path in files.items()}


def model_card(folder: Path, template: str = "") -> str:
    """The card of a checkpoint folder, from its configuration and its numbers alone.

    `template`: another text about the same checkpoint than its card.

    Raises:
        ViewboxError: the folder has not been measured yet.
    """
    metrics = read_metrics(folder)
    config = FusionConfig.read(folder / "config.json")
    processor = ProcessorConfig.read(folder / "preprocessor_config.json")
    reads = "; ".join(f"{t.name} from the {' and '.join(t.modalities)}" for t in config.tasks)
    if processor.text is not None:
        reads += f" (text: {', '.join(processor.text.sections)})"
    trained_on, terms = _trained_on(config, metrics["measurements"]), words()["terms"]
    own = folder.resolve()
    return filled(
        template or _template(config, processor),
        name=f"viewbox-{own.parent.name if own.name == 'checkpoint' else own.name}",
        reads=reads,
        encoders=_encoders(folder, config, len(processor.table)),
        fusion=words()["fusion"][config.fusion] if len(config.modalities) > 1 else "",
        post_read=processor.is_post_read,
        shipped=_ships(folder),
        metrics=metrics,
        trained_on=trained_on,
        corpora=[
            *(f"- {terms.get(source, source)}" for source in trained_on),
            *_policies(folder),
            *_began(folder),
        ],
        base_models=_base_models(folder),
        codes=codes_json(name for task in config.tasks for name in task.spec.classes),
        plots=[f"![{file.removesuffix('.svg')}]({PLOTS}/{file})" for file in card_plots(metrics)],
        **read_beside(folder),
    )


def _trained_on(config: FusionConfig, measurements: Mapping[str, Any]) -> list[str]:
    """The sources that it was measured on; what it only answers for, it has not learnt from."""
    measured = {name for found in measurements.values() for name in found["corpus"].split(" and ")}
    return [source for source in config.sources if source in measured]


def _policies(folder: Path) -> list[str]:
    """What uncertain and blank labels taught, a line a task with several classes at once."""
    path, said = folder / LABELS, words()["policies"]
    told = json.loads(path.read_text()) if path.is_file() else {}
    return [
        f"- Labels of {name}: uncertain ones {said[about['uncertain']]}, blank ones {said[about['blank']]}."
        for name, about in told.items()
        if "uncertain" in about
    ]


def _started(folder: Path) -> list[dict[str, Any]]:
    """What each branch began with, as the training wrote it; nothing for random weights."""
    path = folder / STARTED
    return json.loads(path.read_text()) if path.is_file() else []


def _base_models(folder: Path) -> list[str]:
    """The Hub repos that a checkpoint was made from, once each."""
    return list(dict.fromkeys(name for row in _started(folder) for name in row["base_models"]))


def _began(folder: Path) -> list[str]:
    """A line for each of those beginnings: whose weights, how much of them, under which licence."""
    said, lines = words()["began"], []
    for row in _started(folder):
        at = f" at {row['revision']}" if row["revision"] else ""
        taken = f"{row['taken']} of its {row['of']} tensors; " if "taken" in row else ""
        bases = f"base model {', '.join(row['base_models'])}; " if row["base_models"] else ""
        terms = row["licence"] or "not stated, so ask before you pass these weights on"
        lines.append(
            f"- {said[row['branch']]} began with `{row['weights']}`{at} ({taken}{bases}licence: {terms})."
        )
    return lines


def _ships(folder: Path) -> bool:
    """Whether a checkpoint is one of those that ship, of which the pages and our own recipes tell."""
    return folder.resolve().parent == CHECKPOINTS.resolve()


def _encoders(folder: Path, config: FusionConfig, fields: int) -> dict[str, str]:
    """Modality -> what its encoder is, and what it began with."""
    found = {}
    if config.image is not None:
        found["image"] = f"`{config.image.name}` of timm ({_beginning(folder, 'image')})"
    if config.table is not None:
        found["table"] = f"a table of {fields} clinical fields"
    if config.text is not None:
        options, kinds = config.text.transformers, words()["architecture"]
        layers, width = (
            next((options[name] for name in names if name in options), "?")
            for names in (("num_hidden_layers", "n_layers"), ("hidden_size", "dim"))
        )
        kind = kinds.get(options["model_type"], options["model_type"])
        about = f"{layers} layers of width {width}; {_pieces(folder)}; {_beginning(folder, 'text')}"
        found["text"] = f"{kind} ({about})"
    return found


def _pieces(folder: Path) -> str:
    """What a tokenizer cuts words into, and how many such pieces it has."""
    read = read_json(folder / TOKENIZER_FILE)
    kind, before = read["model"]["type"], json.dumps(read["pre_tokenizer"])
    name = "ByteLevel" if kind == "BPE" and "ByteLevel" in before else kind
    return f"{len(read['model']['vocab']):,} {words()['pieces'].get(name, name)} pieces"


def _beginning(folder: Path, branch: str) -> str:
    """Base model and licence of an encoder."""
    rows = {row["branch"]: row for row in _started(folder)}
    row = rows.get(branch) or rows.get("checkpoint")
    if row is None:
        return "random weights to begin with"
    bases = ", ".join(row["base_models"]) or row["weights"]
    return f"base model {bases}, licence {row['licence'] or 'not stated'}"


def _template(config: FusionConfig, processor: ProcessorConfig) -> str:
    if config.role == "shortcut_twin":
        return "twin_card.md"
    if config.image is None:
        return "report_card.md" if processor.is_post_read else "indication_card.md"
    return "teaching_card.md" if config.sources == ("phantom",) else "film_card.md"


def card_plots(metrics: Mapping[str, Any]) -> dict[str, str]:
    """File name -> SVG: every plot of the first measurement, the audit of the others, and the gate."""
    first = slug(next(iter(metrics["measurements"]), ""))
    return {
        f"{name}.svg": drawing
        for name, drawing in plots(metrics, standalone=True).items()
        if name.startswith(first) or name.endswith("-audit") or name == "familiarity"
    }


def write(folder: Path) -> None:
    """The card of a checkpoint folder, the plots that it shows, and the licence that it links to.

    Raises:
        ViewboxError: the folder has not been measured yet.
    """
    card = model_card(folder)
    (folder / "README.md").write_text(card)
    if f"license_link: {LICENCE}" in card:
        (folder / LICENCE).write_text(model_card(folder, "licence.md"))
    drawings = card_plots(read_metrics(folder))
    (folder / PLOTS).mkdir(exist_ok=True)
    for old in (folder / PLOTS).glob("*.svg"):
        if old.name not in drawings:
            old.unlink()
    for name, drawing in drawings.items():
        (folder / PLOTS / name).write_text(drawing + "\n")


# --- the pages that show its numbers


TREE = Path(__file__).parents[2]


def write_cards(checkpoint: Path, data: Path | None = None) -> list[Path]:
    """Write a card anew, and the pages that show the numbers of a checkpoint that ships; returns the files.

    With `data`, a folder with the corpora, it is measured again first.

    Raises:
        ViewboxError: the folder has not been measured yet, or cannot be.
    """
    if data is not None:
        from evaluation.checkpoint import measure  # a card alone needs no torch

        text = json.dumps(measure(checkpoint, data), indent=1)
        (checkpoint / METRICS_FILE).write_text(text + "\n")
    write(checkpoint)
    written = [checkpoint / "README.md"]
    for name in PAGES if _ships(checkpoint) else ():
        if (page := TREE / name).is_file():  # an installed Viewbox has none
            page.write_text(renewed(name, page.read_text(), CHECKPOINTS))
            written.append(page)
    return written


def renewed(name: str, text: str, checkpoints: Path) -> str:
    """The text of a page of `PAGES` with every part between its two markers as it was measured."""
    measured = [path for path in sorted(checkpoints.iterdir()) if (path / METRICS_FILE).is_file()]
    folders = {path.name: {"metrics": read_metrics(path), **read_beside(path)} for path in measured}
    for section in PAGES[name]:
        before, rest = text.split(f"<!-- {section} -->")
        _, after = rest.split(f"<!-- /{section} -->")
        new = part("pages.md", section, folders)
        text = f"{before}<!-- {section} -->\n{new}<!-- /{section} -->{after}"
    return text


PAGES = {
    "README.md": ("headline",),
    "docs/results.md": ("results", "fusion", "maps", "shortcut"),
    "docs/reports.md": ("text",),
}
"""Page of this tree -> the parts that are written between its markers, macros of `templates/pages.md`."""
