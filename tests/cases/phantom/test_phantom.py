"""Phantoms: labels, evidence and bytes follow exactly from what was planted."""

import os
import subprocess
import sys
import time
from collections import Counter
from itertools import islice, product
from pathlib import Path

import numpy as np
import pytest

from cases.case import SYNTHETIC_LICENCE
from cases.phantom import (
    Confounder,
    Phantom,
    PhantomSettings,
    generate_case,
    generate_cases,
    generate_phantom,
)
from cases.phantom.generator import balanced, default_recipes, series_seed
from cases.phantom.making import brightness
from cases.phantom.scenario import (
    COMBINATIONS,
    SITUATIONS,
    ZONES,
    Plan,
    affected_zones,
    appearance_from_masks,
    grading_from_masks,
)
from cases.phantom.words import lift_marks
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING
from modeling.study import CLINICAL_FIELDS, ClinicalTable, Modality, Photometric, ViewPosition

SMALL = 128


@pytest.fixture(scope="module")
def phantoms() -> list[Phantom]:
    """Every combination of labels in every situation, small."""
    made = []
    for place, (labels, situation) in enumerate(product(COMBINATIONS, SITUATIONS)):
        settings = PhantomSettings(size=SMALL, labels=labels, situation=situation)
        made.append(generate_phantom(place, settings=settings))
    return made


@pytest.mark.slow
def test_labels_follow_from_masks_and_zones(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        assert phantom.case.evidence is not None
        masks = phantom.case.evidence.masks
        assert appearance_from_masks(masks, phantom.zones) == phantom.case.reference[APPEARANCE]
        assert grading_from_masks(masks, phantom.zones) == phantom.case.reference.get(GRADING)


def test_zones_of_the_masks_are_the_planned_zones(phantoms: list[Phantom]) -> None:
    airspace = ("ground glass", "consolidation", "lobar consolidation", "edema")
    for phantom in phantoms:
        assert phantom.case.evidence is not None
        planned = {o.zone for o in phantom.plan.opacities if o.kind in airspace}
        assert set(affected_zones(phantom.case.evidence.masks, phantom.zones)) == planned


def test_every_planted_thing_has_a_mask_of_the_films_shape(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        film, evidence = phantom.case.study.radiograph, phantom.case.evidence
        assert film is not None and evidence is not None
        names = {o.name for o in phantom.plan.opacities} | (
            {"cardiomegaly"} if phantom.plan.cardiomegaly else set()
        )
        assert set(evidence.masks) == names
        for mask in evidence.masks.values():
            assert mask.shape == film.shape and mask.dtype == bool and mask.any()


def _film_zones() -> dict[str, np.ndarray]:
    """Six 20 x 20 zones, right lung on the film's left side."""
    zones = {}
    for place, zone in enumerate(ZONES):
        mask = np.zeros((60, 50), bool)
        row, column = 20 * (place % 3), 0 if place < 3 else 30
        mask[row : row + 20, column : column + 20] = True
        zones[zone] = mask
    return zones


def _patch(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((60, 50), bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    ("masks", "appearance", "grading"),
    [
        ({}, "Negative", None),
        ({"cardiomegaly": (slice(30, 60), slice(15, 40))}, "Negative", None),
        ({"ground glass, right lower": (slice(45, 55), slice(0, 8))}, "Indeterminate", "Mild"),
        (
            {
                "ground glass, right lower": (slice(45, 55), slice(0, 8)),
                "ground glass, left lower": (slice(45, 55), slice(42, 50)),
            },
            "Typical",
            "Mild",
        ),
        (
            {
                "ground glass, right upper": (slice(5, 15), slice(0, 8)),
                "ground glass, left upper": (slice(5, 15), slice(42, 50)),
            },
            "Indeterminate",
            "Mild",
        ),
        (
            {
                "ground glass, right lower": (slice(45, 55), slice(12, 20)),
                "ground glass, left lower": (slice(45, 55), slice(30, 38)),
            },
            "Indeterminate",
            "Mild",
        ),
        (
            {
                "ground glass, right": (slice(0, 60), slice(0, 8)),
                "ground glass, left lower": (slice(40, 60), slice(42, 50)),
            },
            "Typical",
            "Moderate",
        ),
        ({"edema, both": (slice(0, 60), slice(10, 40))}, "Atypical", "Severe"),
        ({"pneumothorax, left": (slice(0, 20), slice(45, 50))}, "Atypical", None),
    ],
)
def test_published_definitions_on_hand_made_masks(
    masks: dict[str, tuple[slice, slice]], appearance: str, grading: str | None
) -> None:
    drawn = {name: _patch(*where) for name, where in masks.items()}
    assert appearance_from_masks(drawn, _film_zones()) == appearance
    assert grading_from_masks(drawn, _film_zones()) == grading


def _decided(plan: Plan) -> str:
    """The stated rule, written a second time: film, then words, then table, then Negative."""
    if plan.conspicuous and plan.appearance != "Negative":
        return plan.appearance
    return plan.words.appearance or plan.table.appearance or "Negative"


def test_the_stated_rule_finds_every_label(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        assert _decided(phantom.plan) == phantom.plan.appearance, phantom.plan


def test_what_holds_the_evidence_is_really_there(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        evidence, study = phantom.case.evidence, phantom.case.study
        assert evidence is not None
        for task in phantom.case.reference:
            assert evidence.modality[task], (phantom.plan, task)
            assert set(evidence.modality[task]) <= set(study.modalities)
        holders = evidence.modality[APPEARANCE]
        pre_read = [span for span in evidence.words if span[0] == "indication"]
        assert (Modality.TEXT in holders) == bool(pre_read)
        assert (Modality.TABLE in holders) == bool(evidence.fields)
        assert set(evidence.fields) <= set(study.table.values)
        sections = {**study.text.sections, **phantom.case.report}
        for section, start, end in evidence.words:
            assert 0 <= start < end <= len(sections[section])


def test_conflicts_are_recorded_as_such(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        evidence = phantom.case.evidence
        assert evidence is not None
        expected = {
            "film against words": "contradicts",
            "words against table": "contradicts",
            "silent": "silent",
        }
        assert evidence.agreement == expected.get(phantom.plan.situation, "agrees")
        if phantom.plan.situation == "words against table":
            assert evidence.modality[APPEARANCE] == (Modality.TEXT,)
        if phantom.plan.situation == "film against words":
            assert Modality.IMAGE in evidence.modality[APPEARANCE]
            assert Modality.TEXT not in evidence.modality[APPEARANCE]


@pytest.mark.slow
def test_plain_opacities_stand_out_and_subtle_ones_drown_in_noise() -> None:
    for situation, low, high in (("silent", 5.0, np.inf), ("words hold", 0.0, 1.2)):
        for seed, labels in enumerate(
            (("Typical", "Moderate"), ("Indeterminate", "Mild"), ("Atypical", None))
        ):
            settings = PhantomSettings(size=512, labels=labels, situation=situation)
            phantom = generate_phantom(seed, settings=settings)
            assert phantom.case.evidence is not None
            masks = [m for name, m in phantom.case.evidence.masks.items() if name != "cardiomegaly"]
            contrast = np.abs(phantom.signal[np.logical_or.reduce(masks)]).mean() / phantom.noise
            assert low <= contrast <= high, (situation, labels, contrast)


def test_opacities_lie_under_their_masks() -> None:
    phantom = generate_phantom(
        3,
        settings=PhantomSettings(size=256, labels=("Typical", "Moderate"), situation="silent", devices=False),
    )
    assert phantom.case.evidence is not None
    union = np.logical_or.reduce(list(phantom.case.evidence.masks.values()))
    assert phantom.signal[union].mean() > 10 * max(phantom.signal[~union].mean(), 1e-6)


def test_same_seed_same_bytes_and_another_seed_another_case() -> None:
    settings = PhantomSettings(size=SMALL)
    first, again, other = (generate_case(seed, settings=settings) for seed in (7, 7, 8))
    assert first.study.radiograph is not None and again.study.radiograph is not None
    assert first.study.radiograph.sha256 == again.study.radiograph.sha256
    assert first.study.table == again.study.table and first.study.text == again.study.text
    assert first.report == again.report
    assert other.study.radiograph is not None
    assert other.study.radiograph.sha256 != first.study.radiograph.sha256


_HASHES = (
    "from cases.phantom import PhantomSettings, generate_case\n"
    "for seed in range(3):\n"
    "    case = generate_case(seed, settings=PhantomSettings(size=192))\n"
    "    print(case.study.radiograph.sha256, dict(case.study.table.values), case.report)\n"
)


def test_same_bytes_without_the_processors_vector_units(root: Path) -> None:
    plain = {**os.environ, "OMP_NUM_THREADS": "1"}
    bare = {**plain, "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _HASHES], cwd=root, env=env, capture_output=True, text=True, check=True
        )
        for env in (plain, bare)
    ]
    assert outputs[0].stdout.count("\n") == 3
    assert outputs[0].stdout == outputs[1].stdout


def test_a_patient_keeps_the_same_anatomy_at_every_size() -> None:
    films = []
    for size in (128, 256):
        settings = PhantomSettings(size=size, square=True, labels=("Negative", None), devices=False)
        film = generate_case(11, settings=settings).study.radiograph
        assert film is not None
        values = brightness(film)
        films.append(values.reshape(64, size // 64, 64, size // 64).mean(axis=(1, 3)).ravel())
    assert np.corrcoef(films)[0, 1] > 0.99


def test_films_are_12_bit_and_their_window_shows_them(phantoms: list[Phantom]) -> None:
    shown = Counter()
    for phantom in phantoms:
        film = phantom.case.study.radiograph
        assert film is not None and film.window is not None
        assert film.pixels.dtype == np.uint16 and film.pixels.max() < 4096 and film.bits_stored == 12
        assert film.pixel_spacing is not None and film.view_position in (ViewPosition.PA, ViewPosition.AP)
        values = brightness(film)
        columns = values[:, values.shape[1] * 45 // 100 : values.shape[1] * 55 // 100]
        assert columns.mean() > 0.55, "the mediastinum is bright on either polarity"
        shown[film.photometric] += 1
    assert shown[Photometric.MONOCHROME1] and shown[Photometric.MONOCHROME2]


def test_marked_synthetic_with_free_terms(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        assert phantom.case.provenance.synthetic and phantom.case.provenance.source == "phantom"
        assert "ynthetic" in phantom.case.provenance.attribution
        assert phantom.case.licence == SYNTHETIC_LICENCE
    assert len({phantom.case.case_id for phantom in phantoms}) == len(phantoms)


def test_tables_hold_known_fields_in_range_and_some_are_missing(phantoms: list[Phantom]) -> None:
    present = Counter(name for phantom in phantoms for name in phantom.case.study.table.values)
    for phantom in phantoms:
        table = phantom.case.study.table
        assert ClinicalTable.from_raw(table.values) == table
    assert set(present) == set(CLINICAL_FIELDS)
    assert max(present.values()) < len(phantoms)


def test_indications_vary(phantoms: list[Phantom]) -> None:
    texts = [p.case.study.text.sections.get("indication", "") for p in phantoms]
    written = [text for text in texts if text]
    assert len(set(written)) > 0.95 * len(written)
    assert not any(mark in text for text in written for mark in "<>{}")
    reports = [text for p in phantoms for text in p.case.report.values()]
    assert not any(mark in text for text in reports for mark in "<>{}")


def test_marks_become_spans() -> None:
    text, spans = lift_marks("indication", "CT: <clear lungs>, <no effusion>.")
    assert text == "CT: clear lungs, no effusion."
    assert [text[start:end] for _, start, end in spans] == ["clear lungs", "no effusion"]


def test_series_are_balanced_and_do_not_depend_on_their_length() -> None:
    settings = PhantomSettings(size=64)
    labels = [balanced(settings, 4, index).labels for index in range(132)]
    appearances = Counter(label[0] for label in labels if label)
    assert set(appearances.values()) == {33}
    gradings = Counter(label for label in labels)
    assert all(gradings["Typical", grading] == 11 for grading in ("Mild", "Moderate", "Severe"))
    short = [case.case_id for case in generate_cases(2, 4, settings=settings)]
    assert short == [case.case_id for case in islice(generate_cases(9, 4, settings=settings), 2)]
    assert series_seed(4, 0) != series_seed(5, 0)


@pytest.mark.parametrize("kind", ["marker", "hospital", "view"])
def test_confounders_follow_the_label_as_often_as_asked(kind: str) -> None:
    always = Confounder(kind, "Typical", 1.0)  # type: ignore[arg-type]
    for labels, expected in ((("Typical", "Mild"), True), (("Atypical", None), False)):
        settings = PhantomSettings(size=SMALL, labels=labels, confounder=always, situation="agrees")
        phantom = generate_phantom(5, settings=settings)
        study, evidence = phantom.case.study, phantom.case.evidence
        assert evidence is not None and study.radiograph is not None
        assert evidence.confounder == (kind if expected else "")
        if kind == "hospital":
            assert ("Saint Harbour" in study.text.sections["indication"]) == expected
        if kind == "view":
            assert (study.radiograph.view_position is ViewPosition.AP) == expected
        if kind == "marker":
            assert (phantom.confounder_mask is not None) == expected
            if phantom.confounder_mask is not None:
                assert brightness(study.radiograph)[phantom.confounder_mask].mean() > 0.7


def test_a_confounders_correlation_is_met() -> None:
    shortcut = Confounder("marker", "Typical", 0.8)
    rng = np.random.Generator(np.random.PCG64(0))
    hits = np.mean([shortcut.planted(rng, "Typical") for _ in range(4000)])
    misses = np.mean([shortcut.planted(rng, "Negative") for _ in range(4000)])
    assert abs(hits - 0.8) < 0.03 and abs(misses - 0.2) < 0.03


def test_a_confounder_changes_nothing_but_itself() -> None:
    plain = PhantomSettings(size=SMALL, labels=("Typical", "Mild"))
    marked = PhantomSettings(
        size=SMALL, labels=("Typical", "Mild"), confounder=Confounder("marker", "Typical", 1.0)
    )
    without, with_marker = generate_phantom(9, settings=plain), generate_phantom(9, settings=marked)
    films = without.case.study.radiograph, with_marker.case.study.radiograph
    assert films[0] is not None and films[1] is not None and with_marker.confounder_mask is not None
    changed = films[0].pixels != films[1].pixels
    assert changed.any() and changed.mean() < 0.02
    assert without.case.study.table == with_marker.case.study.table


@pytest.mark.parametrize(
    "refused",
    [
        lambda: PhantomSettings(size=10),
        lambda: PhantomSettings(bits=16),
        lambda: Confounder("shoes"),  # type: ignore[arg-type]
        lambda: Confounder("marker", "Round"),
        lambda: Confounder("marker", "Typical", 0.2),
        lambda: PhantomSettings(situation="tired"),
        lambda: PhantomSettings(labels=("Negative", "Severe")),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(refused) -> None:
    with pytest.raises(ViewboxError, match=r"choose|;"):
        refused()


def test_the_shipped_set_covers_what_a_class_needs() -> None:
    recipes = default_recipes()
    assert len(recipes) == 48 and len({seed for seed, _ in recipes}) == 48
    assert {settings.labels for _, settings in recipes} == set(COMBINATIONS)
    assert {settings.situation for _, settings in recipes} == set(SITUATIONS)
    assert sum(settings.confounder is not None for _, settings in recipes) == 2


@pytest.mark.slow
def test_a_512_film_takes_at_most_one_and_a_half_seconds_of_one_core() -> None:
    settings = PhantomSettings(size=512)
    generate_case(0, settings=settings)

    def seconds(seed: int) -> float:
        start = time.process_time()
        generate_case(seed, settings=settings)
        return time.process_time() - start

    assert any(seconds(seed) <= 1.5 for seed in range(3)), "a busy machine takes longer now and then"
