"""Cards from measured numbers: what `viewbox cards` writes.

Every number on a card is read from `metrics.json` and the other files of numbers beside it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub_config.cards import film_sections as sections
from hub_config.cards import map_sections, text_sections
from hub_config.cards.imbalance_section import imbalance
from hub_config.cards.plots import plots, slug
from modeling.configuration import FusionConfig, ProcessorConfig
from modeling.errors import ViewboxError

METRICS_FILE = "metrics.json"
MAPS_FILE, PHANTOMS_FILE, SHORTCUT_FILE = "localisation.json", "phantoms.json", "shortcut.json"
"""What `viewbox localise` prints with `--json`, for a checkpoint of real films also on phantoms, and
`viewbox shortcut`."""
WEAK_FILE, INNER_FILE = "weak_labels.json", "inner_fold.json"
"""What `viewbox label-sources` writes for a text checkpoint (mined labels against index terms), and
`viewbox inner-fold` (how its recipe was chosen)."""
IMBALANCE_FILE = "imbalance.json"
"""What `viewbox imbalance` writes."""
PLOTS = "plots"

TERMS = {
    "siim": "SIIM-FISABIO-RSNA COVID-19 challenge films (BIMCV and MIDRC-RICORD): research, non-commercial,"
    " no redistribution",
    "cohen": "covid-chestxray-dataset (Cohen et al. 2020): licence per image",
    "hannover": "COVID-19 Image Repository, Hannover Medical School: CC BY 3.0",
    "phantom": "synthetic films of this project: CC0 1.0",
    "ricord": "MIDRC-RICORD-1c (Tsai et al. 2021, The Cancer Imaging Archive): CC BY-NC 4.0",
    "nih": "NIH ChestX-ray14 (Wang et al. 2017): free use with acknowledgement of the NIH Clinical Center",
    "mimic": "MIMIC-CXR-JPG (Johnson et al. 2019): PhysioNet credentialed data use agreement",
    "openi": "reports of the Indiana University chest X-ray collection (Open-i, Demner-Fushman et al. 2016):"
    " CC BY-NC-ND 4.0; the reports are not passed on, only weights that were trained on them",
}

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
_TEMPLATES = Path(__file__).parent


def read_metrics(folder: Path) -> dict[str, Any]:
    """`metrics.json` of a checkpoint folder.

    Raises:
        ViewboxError: there is none, or it was written before the last change of its form.
    """
    path = folder / METRICS_FILE
    if not path.is_file():
        raise ViewboxError(
            "{folder} has no {metrics_file}; measure it first with --data.",
            folder=folder.name,
            metrics_file=METRICS_FILE,
        )
    metrics = json.loads(path.read_text())
    if "measurements" not in metrics:
        raise ViewboxError(
            "{metrics_file} of {folder} has an old form; measure it again with --data.",
            metrics_file=METRICS_FILE,
            folder=folder.name,
        )
    return metrics


def read_beside(folder: Path, name: str) -> dict[str, Any]:
    """Numbers of another command beside `metrics.json`; empty where it has not been run."""
    path = folder / name
    return json.loads(path.read_text()) if path.is_file() else {}


def model_card(folder: Path) -> str:
    """The card of a checkpoint folder, from its configuration and `metrics.json` alone.

    Raises:
        ViewboxError: the folder has not been measured yet.
    """
    metrics = read_metrics(folder)
    config = FusionConfig.from_json(json.loads((folder / "config.json").read_text()))
    processor = ProcessorConfig.from_json(json.loads((folder / "preprocessor_config.json").read_text()))
    reads = "; ".join(f"{t.name} from the {' and '.join(t.modalities)}" for t in config.tasks)
    if processor.text is not None:
        reads += f" (text: {', '.join(processor.text.sections)})"
    name = f"viewbox-{folder.name}"
    measurements = metrics["measurements"]
    trained_on = _trained_on(config, measurements)
    texts = {
        "index": sections.index(name, measurements),
        "name": name,
        "reads": reads,
        "labels_from": sections.labels_from(trained_on),
        "grading_limits": sections.grading_limits(trained_on),
        "corpora": "\n".join(f"- {TERMS.get(source, source)}" for source in trained_on),
        "plots": "\n".join(f"![{file.removesuffix('.svg')}]({PLOTS}/{file})" for file in card_plots(metrics)),
    }
    more = _about_text(folder, metrics) if config.image is None else _about_films(folder, metrics)
    return (_TEMPLATES / _template(config, processor)).read_text().format(**texts, **more)


def _trained_on(config: FusionConfig, measurements: Mapping[str, Any]) -> list[str]:
    """The sources that it was measured on; what it only answers for, it has not learnt from."""
    measured = {name for found in measurements.values() for name in found["corpus"].split(" and ")}
    return [source for source in config.sources if source in measured]


def _template(config: FusionConfig, processor: ProcessorConfig) -> str:
    if config.role == "shortcut_twin":
        return "twin_card.md"
    if config.image is None:
        return "report_card.md" if processor.is_post_read else "indication_card.md"
    return "teaching_card.md" if config.sources == ("phantom",) else "film_card.md"


def _about_films(folder: Path, metrics: Mapping[str, Any]) -> dict[str, str]:
    results = (sections.measurement(title, found) for title, found in metrics["measurements"].items())
    return {
        "results": "\n".join(results),
        "calibration": sections.calibration(metrics["tasks"]),
        "ceilings": sections.ceilings(metrics["ceilings"]),
        "familiarity": sections.familiarity(metrics["familiarity"]),
        "shortcut": map_sections.shortcut(read_beside(folder, SHORTCUT_FILE)),
        "maps": map_sections.maps(read_beside(folder, MAPS_FILE)),
        "phantoms": map_sections.maps(read_beside(folder, PHANTOMS_FILE)),
        "duplicates": sections.duplicates(metrics["duplicates"]),
        "imbalance": imbalance(read_beside(folder, IMBALANCE_FILE)),
        "label_shift": sections.label_shift(metrics["measurements"]),
    }


def _about_text(folder: Path, metrics: Mapping[str, Any]) -> dict[str, str]:
    return {
        "results": text_sections.results(metrics),
        "sides": text_sections.sides(metrics),
        "readings": text_sections.readings(metrics),
        "benchmark": text_sections.benchmark(metrics),
        "twins": text_sections.twins(metrics),
        "developed": text_sections.developed(read_beside(folder, INNER_FILE)),
        "weak": text_sections.weak_labels(read_beside(folder, WEAK_FILE)),
        "points": text_sections.operating_points(metrics),
    }


def card_plots(metrics: Mapping[str, Any]) -> dict[str, str]:
    """File name -> SVG: every plot of the first measurement, the audit of the others, and the gate."""
    first = slug(next(iter(metrics["measurements"]), ""))
    return {
        f"{name}.svg": drawing
        for name, drawing in plots(metrics, standalone=True).items()
        if name.startswith(first) or name.endswith("-audit") or name == "familiarity"
    }


def write(folder: Path) -> None:
    """The card of a checkpoint folder and the plots that it shows.

    Raises:
        ViewboxError: the folder has not been measured yet.
    """
    (folder / "README.md").write_text(model_card(folder))
    drawings = card_plots(read_metrics(folder))
    (folder / PLOTS).mkdir(exist_ok=True)
    for old in (folder / PLOTS).glob("*.svg"):
        if old.name not in drawings:
            old.unlink()
    for name, drawing in drawings.items():
        (folder / PLOTS / name).write_text(drawing + "\n")
