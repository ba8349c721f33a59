"""The tab about the models: what was measured is shown, what was not is said, strange files break nothing."""

import json
import re
import shutil
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub_config.cards.plots import plots
from interface.about_tab.facts import read_facts
from interface.about_tab.tab import About
from interface.about_tab.tables import drawn
from interface.language.texts import LANGUAGES, Language
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from modeling.configuration import FusionConfig
from modeling.errors import CheckpointError
from modeling.render.tables import Table, interval, number

FILM = Path(__file__).parents[3] / "hub_config" / "checkpoints" / "film"

MEASUREMENT = {
    "task": "appearance",
    "corpus": "siim",
    "split": "validation",
    "n": 637,
    "patients": 614,
    "macro_auroc": 0.797,
    "macro_auroc_95": [0.771, 0.826],
    "per_class": {"Typical": {"n": 320, "share": 0.5024, "auroc": 0.854, "average_precision": 0.861}},
    "subgroups": {"sex": {"female": {"n": 12, "patients": 11}}},
    "majority": {"macro_auroc": 0.5},
    "extent": {"films": 83, "patients": 40, "spearman": 0.66, "spearman_95": [0.5, 0.8]},
    "audit": [{"name": "source", "sees": "site and view", "macro_auroc": 0.61, "macro_auroc_95": [0.6, 0.62],
               "difference": 0.187, "difference_95": [0.15, 0.22], "p": 0.001}],
    "not_beaten": [],
}  # fmt: skip


def fusion(p_holm: float, ahead: float = 0.04) -> dict:
    cell = {"value": 0.7, "95": [0.6, 0.8]}
    row = {"spearman_extent": cell, "quadratic_kappa": cell, "macro_auroc": cell}
    test = {"spearman_extent": {"value": ahead, "95": [0.01, 0.07], "p": p_holm / 4, "p_holm": p_holm}}
    block = {"films": 372, "patients": 197, "rows": {"film": row, "product": {**row, "versus_film": test}}}
    backbone = {"name": "imagenet", "patients_seen_in_training": 0}
    backbone |= {"cross_validation": block, "cohen_to_hannover": block}
    readers = {"kappa_grading": {"value": 0.596, "95": [0.45, 0.73]}}
    return {"protocol": {"folds": 5, "seeds": 3}, "readers": readers, "backbones": [backbone]}


MAPS = {
    "films": 40,
    "patients": 38,
    "maps": {
        "occlusion": {"hit_rate": {"value": 0.55, "interval_95": [0.4, 0.7]}, "miou": {"value": 0.2}},
        "location_prior": {"hit_rate": {"value": 0.7, "interval_95": [0.55, 0.83]}, "miou": {"value": 0.3}},
    },
    "best": {
        "method": "occlusion",
        "hit_rate_above": {"location_prior": {"value": -0.15, "interval_95": [-0.28, -0.02]}},
    },
}


def host_of(folder: Path) -> ModelHost:
    """A loaded checkpoint, as far as the panel looks at it."""
    config = FusionConfig.from_json(json.loads((folder / "config.json").read_text()))
    origin = SimpleNamespace(folder=folder, name=folder.name, revision="sha256:0123")
    model = SimpleNamespace(parameters=list)
    pipeline = SimpleNamespace(origin=origin, config=config, device="cpu", text_sections=(), model=model)
    host = ModelHost(lambda: pipeline, folder.name)
    host.load()
    return host


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The film checkpoint without anything measured."""
    made = tmp_path / "film"
    made.mkdir()
    shutil.copy(FILM / "config.json", made)
    return made


def sheet(folder: Path, language: Language = "en") -> str:
    return About(Checkpoints([host_of(folder)]), plots).sheets(language)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def write(folder: Path, **files: object) -> None:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_what_was_measured_stands_beside_its_interval_and_its_baseline(folder):
    write(folder, metrics={"measurements": {"appearance on siim": MEASUREMENT}})
    said = words(sheet(folder))
    assert "637 films of 614 patients (validation films)" in said
    assert "Macro AUROC 0.797 [0.771, 0.826] 0.500" in said
    assert "Typical is 50 %" in said and "too few films to say" in said
    assert (
        "Where the film comes from: site, licence, view, file, border 0.610" in said
        and "0.187" in said
        and "beats all of them" in said
    )
    write(folder, metrics={"appearance on siim": {**MEASUREMENT, "not_beaten": ["source"]}})
    assert "NOT beaten with p < 0.01: Where the film comes from: site" in words(sheet(folder))


def test_decisions_and_the_readers_stand_beside_the_numbers(folder):
    sets = {"wanted": 0.9, "coverage": 0.912, "mean_size": 2.31}
    point = {
        "class_name": "Typical",
        "rule": "balanced",
        "threshold": 0.4,
        "sensitivity": 0.8,
        "specificity": 0.7,
    }
    whole = {
        "measurements": {"appearance on siim": MEASUREMENT},
        "tasks": {"appearance": {"prediction_sets": sets, "operating_points": [point]}},
        "ceilings": {"ricord": {"appearance": {"pairs": 0.512, "majority": 0.764}}},
    }
    write(folder, metrics=whole)
    said = words(sheet(folder))
    assert "for 90 % of films held it for 91 %" in said and "2.31 classes" in said
    assert "Typical balanced 0.400 0.800 0.700" in said
    assert "agree for 51 % of pairs" in said and "included) for 76 %" in said
    assert "geographic extent 0.660 [0.500, 0.800]" in said


def test_what_was_not_measured_is_said(folder):
    said = words(sheet(folder))
    assert "came without measurements" in said
    for part in ("point at the evidence", "clinical table helps", "hospital where you are"):
        assert part in said.partition("Nobody has measured")[2]
    write(
        folder, metrics={"appearance on siim": MEASUREMENT}, localisation=MAPS, fusion_comparison=fusion(0.3)
    )
    rest = words(sheet(folder)).partition("Nobody has measured")[2]
    assert "point at the evidence" not in rest and "clinical table helps" not in rest


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (fusion(0.3), "No fusion is better than the film alone"),
        (fusion(0.01), "Better than the film alone (Spearman, corrected p < 0.05): Both: product"),
        (fusion(0.01, ahead=-0.04), "corrected p < 0.05). Worse than the film alone: Both: product"),
    ],
)
def test_the_fusion_verdict_follows_the_numbers(folder, found, said):
    write(folder, fusion_comparison=found)
    text = words(sheet(folder))
    assert said in text and "kappa of 0.60" in text and "372 films of 197 patients" in text


def test_what_only_a_known_truth_can_show(folder):
    value = {"value": 0.3, "interval_95": [0.2, 0.4], "n": 84}
    text = {"everything": value, "without_text": {**value, "drop": {**value, "value": 0.41}}}
    truth = {**MAPS, "ablation": {"cases_whose_evidence_it_holds": {"text": text, "table": {}}}}
    turned = {"value": 0.7, "low": 0.6, "high": 0.8}
    both = {"twin": {"turned_to_learnt": turned}}
    both["checkpoint"] = {"turned_to_learnt": {**turned, "value": 0.0}}
    write(folder, localisation=truth, shortcut={"pairs": 120, "learnt": "Negative", **both})
    said = words(sheet(folder))
    assert "84 0.30 [0.20, 0.40] 0.41 [0.20, 0.40]" in said
    assert "120 unseen phantoms" in said and "the arrow means Negative" in said
    assert "0.70 [0.60, 0.80] 0.00 [0.60, 0.80]" in said


def test_maps_that_do_not_beat_a_prior_are_called_that(folder):
    write(folder, localisation=MAPS)
    text = words(sheet(folder))
    assert "Knowing where evidence usually lies does better" in text and "0.55 [0.400, 0.700]" in text
    for ends, said in (([-0.1, 0.1], "it is a tie"), ([0.01, 0.3], "")):
        margin = {"location_prior": {"value": 0.1, "interval_95": ends}}
        write(folder, localisation={**MAPS, "best": {"method": "occlusion", "hit_rate_above": margin}})
        text = words(sheet(folder))
        assert "does better than any" not in text and said in text and bool(said) == ("a tie" in text)


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[1, 2]",
        "null",
        '{"a": {"task": 5, "n": 3}}',
        '{"a": {"task": "appearance", "n": 3, "macro_auroc": "high", "brier_95": [1], "audit": [7, {}]}}',
        '{"a": {"task": "<b>x", "n": 1, "per_class": [], "subgroups": {"sex": 4}, "curves": {"<i>": 1}}}',
        '{"measurements": {"<script>alert(1)</script>": {"task": "<script>", "n": 1, "corpus": "<script>"}}}',
        '{"backbones": [{"name": "<script>", "cross_validation": {"rows": {"<script>": {}}}}], "maps": 3}',
    ],
)
def test_a_strange_file_breaks_nothing_and_stays_text(folder, content):
    for name in ("metrics", "localisation", "fusion_comparison"):
        (folder / f"{name}.json").write_text(content)
    for language in LANGUAGES:
        page = sheet(folder, language)
        assert "<script" not in page and "<b>x" not in page and "</section>" in page


def test_numbers_are_taken_only_where_they_are_numbers(tmp_path: Path):
    assert number({"a": True}, "a") is None and number({"a": float("nan")}, "a") is None
    assert number({"a": 3}, "a") == 3.0 and number([], "a") is None
    assert interval({"a": [1, 2]}, "a") == (1.0, 2.0) and interval({"a": [1, None]}, "a") is None
    (tmp_path / "metrics.json").write_bytes(b" " * (9 * 2**20))
    assert read_facts(tmp_path).whole == {}


def test_a_checkpoint_that_is_not_there_says_why():
    def fail() -> None:
        raise CheckpointError("There is no checkpoint folder 'x'; give a folder or a Hub repo as owner/name.")

    host = ModelHost(fail, "x")
    assert "x" in About(Checkpoints([host])).sheets("en")
    host.load()
    assert "give a folder or a Hub repo" in About(Checkpoints([host])).sheets("en")


def test_the_bundled_checkpoints_have_sheets_in_both_languages(root: Path):
    folders = sorted((root / "hub_config" / "checkpoints").iterdir())
    about = About(Checkpoints([host_of(folder) for folder in folders]), plots)
    english, chinese = (about.sheets(language) for language in LANGUAGES)
    assert "Not for diagnosis" in words(english) and "不可用於診斷" in chinese
    assert english.count("<section") == chinese.count("<section") == len(folders)
    for folder in folders:
        for entry in read_facts(folder).tasks.values():
            assert f"{entry['macro_auroc']:.3f}" in english and f"{entry['macro_auroc']:.3f}" in chinese


def test_a_table_wider_than_a_phone_says_that_more_lies_beside_it():
    narrow, wide = (Table(tuple("abcde"[:n]), (("1",) * n,)) for n in (4, 5))
    assert "Swipe sideways" in drawn("Wide", wide, "en") and "Swipe" not in drawn("Narrow", narrow, "en")
