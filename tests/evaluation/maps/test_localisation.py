"""Hit rate, mIoU, shares on planted evidence and ablation: by hand first, then the command on toys."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cases.case import Case
from cases.phantom import PhantomSettings, generate_cases
from evaluation.maps import ablation, localisation_scores
from evaluation.maps.ablation import AblationAnswers, ask_with_and_without, summarise_ablation, without
from evaluation.maps.film_maps import (
    CONTROLS,
    PRIORS,
    Effort,
    FilmMapper,
    centre_prior,
    location_priors,
)
from evaluation.maps.localisation_scores import (
    hit,
    intersection_over_union,
    otsu_segment,
    positive_evidence,
    positive_share,
    score_map,
    summarise_scores,
    with_interval,
)
from evaluation.maps.marked_studies import (
    MarkedStudy,
    PlantedFacts,
    box_region,
    marked_case,
    planted_share,
    summarise_shares,
)
from hub_config.cards.markdown import words
from modeling.explain.occlusion import removal_account
from modeling.explain.registry import map_methods
from modeling.labels import APPEARANCE, Target
from modeling.model.film import resampled
from modeling.pipeline import DiagnosisPipeline
from modeling.results import Attribution, FieldAttribution, Prediction, WordAttribution
from modeling.sentence import Sentence
from modeling.study import Modality, Study
from tests.doubles.command import command
from tests.doubles.toys import toy_checkpoint, toy_radiograph, toy_study

main = command("localise")
METHODS = tuple(  # the toys have neither attention nor evidence weights
    name for m in map_methods("account", "opinion") if not m.needs for name in m.measured_as
)
QUICK = Effort(tolerance=0.5, max_evaluations=8)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals are tested in test_evaluation; here they only have to stand."""
    monkeypatch.setattr(localisation_scores, "RESAMPLES", 40)
    monkeypatch.setattr(ablation, "RESAMPLES", 10)


def corner(shape: tuple[int, int] = (40, 32)) -> np.ndarray:
    region = np.zeros(shape, bool)
    region[4:14, 6:20] = True
    return region


# --- scores by hand


def test_a_perfect_map_scores_one_and_its_inverse_zero() -> None:
    region = corner()
    perfect = score_map(region.astype(float), region, 0.5, smoothing=0)
    assert perfect.hit and perfect.iou == 1.0 and perfect.share == 1.0 and perfect.seconds == 0.5
    inverse = score_map(1.0 - region, region, smoothing=0)
    assert not inverse.hit and inverse.iou == 0.0 and inverse.share == 0.0
    # evidence against the target is no evidence for it
    signed = score_map(np.where(region, -3.0, 0.0), region, smoothing=0)
    assert (
        not signed.hit and signed.iou == 0.0 and np.isnan(signed.share)
    )  # evidence against the target is no evidence for it


def test_iou_and_hit_by_hand() -> None:
    region = np.zeros((4, 6), bool)
    region[1:3, 1:3] = True  # 4 pixels
    evidence = np.zeros((4, 6))
    evidence[1:3, 2:4] = 1.0  # 4 pixels, 2 of them shared: 2 / 6
    evidence[1, 3] = 1.2
    assert intersection_over_union(otsu_segment(evidence), region) == pytest.approx(1 / 3)
    assert not hit(evidence, region)  # the maximum is at (1, 3), outside
    evidence[2, 2] = 1.3
    assert hit(evidence, region)
    assert intersection_over_union(np.zeros((4, 6), bool), np.zeros((4, 6), bool)) == 0.0


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_an_even_map_points_nowhere(value: float) -> None:
    even = np.full((8, 8), value)
    assert not otsu_segment(even).any()
    assert not hit(np.zeros((8, 8)), np.ones((8, 8), bool))


def test_otsu_parts_the_values_as_an_exhaustive_search_does() -> None:
    generator = np.random.default_rng(3)
    values = np.concatenate([generator.normal(40, 12, 700), generator.normal(150, 25, 300)]).clip(0, 255)
    levels = np.floor((values - values.min()) * 255 / (values.max() - values.min()))

    def within(threshold: int) -> float:
        groups = [g for g in (levels[levels <= threshold], levels[levels > threshold]) if len(g)]
        return sum(float(((g - g.mean()) ** 2).sum()) for g in groups)

    best = min(range(255), key=within)
    assert (otsu_segment(values.reshape(40, 25)).ravel() == (levels > best)).all()


def test_smoothing_comes_before_the_sign() -> None:
    values = np.zeros((50, 50))
    values[10, 10], values[10, 11] = 5.0, -5.0  # noise that cancels
    values[30:34, 30:34] = 0.5
    evidence = positive_evidence(values)
    assert evidence.min() >= 0
    assert np.abs(np.array(np.unravel_index(evidence.argmax(), evidence.shape)) - 31.5).max() <= 2
    assert positive_evidence(values, smoothing=0).max() == 5.0


def test_a_map_is_graded_at_the_film_s_own_size() -> None:
    region = np.zeros((120, 90), bool)
    region[30:60, 45:75] = True
    score = score_map(resampled(region, (40, 30)), region, smoothing=0)
    assert score.hit and score.iou > 0.85 and score.share > 0.85
    even = score_map(np.ones((40, 30)), region)
    assert even.share == pytest.approx(region.mean(), rel=1e-3)  # an even map has the region's area on it


def test_intervals_hold_their_value_and_leave_the_unknown_out() -> None:
    measured = with_interval([0.0, 1.0, 1.0, np.nan], ["a", "b", "c", "d"])
    assert measured["n"] == 3 and measured["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert measured["interval_95"][0] <= measured["value"] <= measured["interval_95"][1]
    assert with_interval([np.nan], ["a"]) == {"value": None, "interval_95": None, "n": 0}
    one_patient = with_interval([0.0, 1.0], ["a", "a"])
    assert one_patient["interval_95"] == [0.5, 0.5]  # films of one patient are drawn together
    assert with_interval([1.0, 2.0, 9.0], ["a", "b", "c"], np.median)["value"] == 2.0


def test_the_share_in_the_lungs_counts_both_signs() -> None:
    lungs, values = np.zeros((40, 32), bool), np.zeros((40, 32))
    lungs[:20] = True
    values[5, 5], values[6, 9], values[30, 5] = 2.0, -1.0, 1.0
    assert score_map(values, corner(), smoothing=0, lungs=lungs).in_lungs == pytest.approx(0.75)
    assert np.isnan(score_map(values, corner(), smoothing=0).in_lungs)


def test_scores_are_summed_up() -> None:
    region = corner()
    scores = [score_map(m, region, seconds, 0) for m, seconds in ((region * 1.0, 0.2), (1.0 - region, 0.4))]
    summary = summarise_scores(scores, ["a", "b"])
    assert [summary[key]["value"] for key in ("hit_rate", "miou", "on_evidence")] == [0.5, 0.5, 0.5]
    assert summary["median_seconds"] == pytest.approx(0.3)
    assert summarise_scores([score_map(region * 1.0, region)], ["a"])["median_seconds"] is None


# --- where evidence is known to lie


def test_boxes_become_a_region() -> None:
    region = box_region([(0.25, 0.5, 0.25, 0.25), (0.9, 0.0, 0.3, 0.1)], (8, 12))
    assert region.sum() == 2 * 3 + 1 * 2 and region[4:6, 3:6].all() and region[0, 10:].all()
    assert box_region([], (8, 8)) is None and box_region([(1.5, 0.2, 0.1, 0.1)], (8, 8)) is None


@pytest.fixture(scope="module")
def phantoms() -> list[Case]:
    return list(generate_cases(16, 5, settings=PhantomSettings(size=64)))


def test_phantoms_are_marked_where_their_film_shows_it(phantoms: list[Case]) -> None:
    marked = [marked_case(case, ("cardiomegaly",)) for case in phantoms]
    shown = [m for m in marked if m.region is not None]
    assert 0 < len(shown) < len(marked)
    for case, one in zip(phantoms, marked, strict=True):
        holders = case.evidence.modality[APPEARANCE]
        assert (one.region is not None) == (Modality.IMAGE in holders and one.reference != "Negative")
        assert one.planted.holders == holders and one.target.class_name == one.reference
        assert all(section == "indication" for section, _, _ in one.planted.words)
        if one.region is not None:
            lungs = [m for name, m in case.evidence.masks.items() if not name.startswith("cardiomegaly")]
            assert one.region.shape == case.study.radiograph.shape
            assert (one.region == np.logical_or.reduce(lungs)).all()


def test_priors_never_look_and_never_know_their_own_patient() -> None:
    centre = centre_prior((41, 21))
    assert np.unravel_index(centre.argmax(), centre.shape) == (20, 10)
    left, right = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    left[:, :20], right[:, 44:] = True, True
    priors = location_priors([left, right, left], ["a", "b", "a"])
    assert score_map(priors[0], right, smoothing=0).iou == 1.0
    assert score_map(priors[1], left, smoothing=0).iou == 1.0
    assert not location_priors([left], ["a"])[0].any()


# --- maps


@pytest.fixture(scope="module")
def mapper(checkpoint: Path) -> FilmMapper:
    return FilmMapper(DiagnosisPipeline.from_pretrained(checkpoint), QUICK)


@pytest.mark.parametrize("modalities", [tuple(Modality), (Modality.IMAGE,), (Modality.IMAGE, Modality.TEXT)])
def test_every_method_gives_a_map_of_the_film_alone(
    mapper: FilmMapper, modalities: tuple[Modality, ...]
) -> None:
    study, target = toy_study(modalities), Target(APPEARANCE, "Typical")
    accounts = mapper.accounts(study, target)
    maps = mapper.maps(study, target, accounts)
    assert set(maps) == {*METHODS, *CONTROLS} and set(accounts) < set(maps)
    box = mapper.pipeline.processor(study).letterbox
    for name, one in maps.items():
        assert one.values.shape == (box.height, box.width) and np.isfinite(one.values).all(), name
        assert one.seconds > 0 and np.abs(one.values).max() > 0, name
    assert not np.allclose(maps["random_weights"].values, maps["integrated_gradients_blurred"].values)


def test_maps_of_other_films_and_other_targets_differ(mapper: FilmMapper) -> None:
    def maps(seed: int, name: str) -> dict[str, np.ndarray]:
        study, target = toy_study(seed=seed), Target(APPEARANCE, name)
        found = mapper.maps(study, target, mapper.accounts(study, target))
        return {method: one.values for method, one in found.items()}

    first, other_film, other_target = maps(0, "Typical"), maps(1, "Typical"), maps(0, "Atypical")
    for name in METHODS:
        assert not np.allclose(first[name], other_film[name]), name
        assert not np.allclose(first[name], other_target[name]), name


# --- shares on planted evidence


def account(image: np.ndarray | None, fields: dict[str, float], words: list[float]) -> Attribution:
    return Attribution(
        target=Target(APPEARANCE, "Typical"),
        method="integrated_gradients",
        baseline="black",
        image=image,
        fields=tuple(FieldAttribution(name, 1.0, value) for name, value in fields.items()),
        words=tuple(WordAttribution("indication", 5 * i, 5 * i + 4, "word", v) for i, v in enumerate(words)),
        output=1.0,
        baseline_output=0.0,
        evaluations=1,
        seconds=0.1,
    )


def marked(
    holders: tuple[Modality, ...], region: np.ndarray | None, contradicts: bool = False
) -> MarkedStudy:
    facts = PlantedFacts(holders, ("crp",), (("indication", 5, 9), ("indication", 12, 13)), contradicts)
    return MarkedStudy(toy_study(), "Typical", "phantom-1", region, facts)


def test_positive_share_by_hand() -> None:
    assert positive_share(np.array([3.0, -9.0, 1.0]), np.array([1.0, 1.0, 0.0])) == 0.75
    assert np.isnan(positive_share(np.array([-1.0]), np.array([1.0])))


def test_shares_on_film_table_and_words_by_hand() -> None:
    region = np.zeros((4, 4), bool)
    region[:2] = True
    image = np.zeros((4, 4), np.float32)
    image[0, 0], image[3, 3], image[1, 1] = 3.0, 1.0, -2.0
    both = (Modality.IMAGE, Modality.TABLE, Modality.TEXT)
    share = planted_share(
        marked(both, region), account(image, {"age": 1.0, "crp": 3.0}, [1.0, 2.0, 1.0, -4.0]), True
    )
    assert share.on_evidence == {Modality.TABLE: 0.75, Modality.TEXT: 0.75}
    assert share.by_area == {Modality.TABLE: 0.5, Modality.TEXT: 0.5}
    assert score_map(image, region).share == 0.75  # the film's is graded with its map
    film = planted_share(marked((Modality.IMAGE,), region), account(image, {"crp": 6.0}, [-1.0]), True)
    assert film.on_evidence == {}  # table and words hold no evidence here
    assert film.held == pytest.approx(2 / 8)  # film +2, table +6, words -1
    one_by_one = replace(account(image, {"crp": 6.0}, [-1.0]), method="occlusion")
    assert np.isnan(planted_share(marked((Modality.IMAGE,), region), one_by_one, True).held)


def test_missing_modalities_have_no_share() -> None:
    share = planted_share(marked((Modality.TABLE,), None), account(None, {}, []), False)
    assert share.on_evidence == {} and np.isnan(share.held)
    summary = summarise_shares([share])
    assert summary["table"]["value"] is None and summary["conflict"]["value"] is None


def test_conflict_counts_only_what_the_model_gets_right() -> None:
    base = planted_share(marked((Modality.TEXT,), None, True), account(None, {"crp": 1.0}, [3.0]), True)
    assert base.held == 0.75 and base.contradicts
    shares = [base, replace(base, held=0.25, right=False), replace(base, held=0.1, contradicts=False)]
    conflict = summarise_shares(shares)["conflict"]
    assert (conflict["value"], conflict["n"], conflict["cases"], conflict["right"]) == (0.75, 1, 2, 1)


# --- fields and words taken away one by one


def test_removals_are_the_falls_of_the_logit(checkpoint: Path) -> None:
    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    study, target = toy_study(), Target(APPEARANCE, "Typical")
    path = pipeline.paths(study, target, "black")[0]
    found = removal_account(path, study)
    assert found.image is None and found.method == "occlusion"
    assert found.evaluations == 1 + len(found.fields) + len(found.words)
    assert found.output == pytest.approx(float(path.logit(*path.inputs)[0].detach()), abs=1e-5)
    field = next(f for f in found.fields if f.value is not None)
    unknown = replace(study.table, values={n: v for n, v in study.table.values.items() if n != field.name})
    fall = found.output - path_logit(pipeline, replace(study, table=unknown), target)
    assert field.attribution == pytest.approx(fall, abs=1e-4)
    assert all(f.attribution == pytest.approx(0, abs=1e-6) for f in found.fields if f.value is None)
    place = path.read.index(Modality.TEXT)
    ends = list(path.inputs)
    ends[place] = pipeline.model.encoders["text"].embed(path.masked([1]))
    masked = float(path.logit(*ends)[0].detach())
    assert found.words[1].attribution == pytest.approx(found.output - masked, abs=1e-4)


def path_logit(pipeline: DiagnosisPipeline, study: Study, target: Target) -> float:
    path = pipeline.paths(study, target, "black")[0]
    return float(path.logit(*path.inputs)[0].detach())


# --- ablation


def test_ablation_by_hand() -> None:
    labels = np.array([0, 1, 2, 3] * 3)
    perfect, blind = np.eye(4)[labels], np.full((12, 4), 0.25)
    held = np.arange(12) < 8
    answers = AblationAnswers(
        labels, np.array([str(i) for i in range(12)]), {Modality.TEXT: held}, perfect, {Modality.TEXT: blind}
    )
    summary = summarise_ablation(answers)
    assert summary["all_cases"]["everything"]["value"] == 1.0
    assert summary["all_cases"]["without_text"]["drop"]["value"] == 0.5
    inside = summary["cases_whose_evidence_it_holds"]["text"]
    assert inside["everything"]["n"] == 8 and inside["without_text"]["value"] == 0.5
    nobody = replace(answers, held={Modality.TEXT: held & False})
    empty = summarise_ablation(nobody)["cases_whose_evidence_it_holds"]["text"]["everything"]
    assert empty == {"value": None, "interval_95": None, "n": 0}


def test_taking_a_modality_away_leaves_the_others(checkpoint: Path) -> None:
    study = toy_study()
    for modality in Modality:
        assert set(without(study, modality).modalities) == set(Modality) - {modality}
    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    whole, bare = marked((Modality.IMAGE,), None), toy_study((Modality.IMAGE,))
    answers = ask_with_and_without(pipeline, [whole, replace(whole, study=bare)])
    expected = pipeline.predict(study)[APPEARANCE].probabilities
    assert answers.everything[0] == pytest.approx(expected, abs=1e-5)
    lacking = pipeline.predict(without(study, Modality.TEXT))[APPEARANCE].probabilities
    assert answers.removed[Modality.TEXT][0] == pytest.approx(lacking, abs=1e-5)
    assert answers.removed[Modality.TEXT][1] == pytest.approx(answers.everything[1], abs=1e-6)
    assert np.isfinite(answers.removed[Modality.IMAGE][1]).all()  # nothing is left of it
    assert answers.held[Modality.IMAGE].all() and not answers.held[Modality.TABLE].any()


# --- the command


def test_phantoms_as_json(checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["--phantoms", "6", "--size", "64", "--max-evaluations", "8", "--ablation", "8", "--json"]
    assert main(["--checkpoint", str(checkpoint), *arguments]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["phantoms"] == 6 and 0 < answer["films"] <= 6
    assert set(answer["maps"]) == {*METHODS, *CONTROLS, *PRIORS}
    for name, row in answer["maps"].items():
        assert 0 <= row["hit_rate"]["value"] <= 1 and 0 <= row["miou"]["value"] <= 1, name
        assert row["hit_rate"]["n"] == answer["films"] and (row["median_seconds"] is None) == (name in PRIORS)
    assert answer["best"]["method"] in METHODS
    assert set(answer["best"]["hit_rate_above"]) == {*CONTROLS, *PRIORS}
    planted = answer["planted_evidence"]
    assert planted["cases"] == 6 and set(planted) == {"cases", *METHODS, *CONTROLS}
    whole = {"film", "table", "words", "conflict"}
    assert set(planted["integrated_gradients_blurred"]) == set(planted["random_weights"]) == whole
    assert set(planted["occlusion"]) == whole and planted["occlusion"]["conflict"]["n"] == 0
    assert set(planted["grad_cam"]) == {"film"}
    assert planted["grad_cam"]["film"]["value"] == answer["maps"]["grad_cam"]["on_evidence"]["value"]
    assert answer["ablation"]["cases"] == 8 and "not for diagnosis" in answer["warning"]
    assert set(answer["ablation"]["cases_whose_evidence_it_holds"]) == {"image", "table", "text"}


@pytest.fixture(scope="module")
def film_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_checkpoint(tmp_path_factory.mktemp("film") / "film", modalities=(Modality.IMAGE,))


@pytest.fixture
def boxed(tmp_path: Path) -> Iterator[Path]:
    """Five films in the SIIM layout: two for validation with boxes, one without, two for training."""
    rows = []
    for i in range(5):
        encoded = io.BytesIO()
        Image.fromarray(toy_radiograph(i, (64, 64)).pixels).save(encoded, "PNG")
        boxes = [] if i == 2 else [[0.1, 0.2, 0.3, 0.3], [0.6, 0.5, 0.2, 0.2]]
        rows.append(
            {
                "image": encoded.getvalue(),
                "width": 2000,
                "height": 2400,
                "image_id": f"f{i}",
                "study_id": f"s{i}",
                "appearance": "Typical",
                "boxes": json.dumps(boxes),
                "split": "validation" if i < 3 else "train",
            }
        )
    path = tmp_path / "films.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    yield path


def test_films_with_boxes_as_lines(film_checkpoint: Path, boxed: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["--data", str(boxed), "--max-evaluations", "8"]
    assert main(["--checkpoint", str(film_checkpoint), *arguments]) == 0
    printed = capsys.readouterr().out
    assert "On 4 films with radiologists' boxes" in printed
    titles = [m.title for m in map_methods() if not m.needs and m.points]
    assert all(f"| {title}" in printed for title in (*titles, *words()["prior"].values()))
    assert "planted" not in printed and "AUROC" not in printed
    aside = ["--split", "validation", "--limit", "1", "--json"]
    assert main(["--checkpoint", str(film_checkpoint), *arguments, *aside]) == 0
    assert json.loads(capsys.readouterr().out)["films"] == 1


def test_verdicts_on_every_film_with_boxes(
    film_checkpoint: Path,
    boxed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, judge = tmp_path / "verdicts.json", command("verdicts")
    asked = ["--checkpoint", str(film_checkpoint), "--data", str(boxed), "--limit", "2"]
    assert judge([*asked, "--method", "grad_cam", "--out", str(kept), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(kept.read_text()) and found["films"] == 2
    record = found["maps"]["grad_cam"]
    assert sum(row["films"] for row in record["levels"].values()) == record["all"]["films"] == 2
    assert judge(asked) == 0
    assert "| Integrated Gradients | " in capsys.readouterr().out
    assert judge([*asked, "--method", "crystal_ball"]) == 1
    assert "cannot be 'crystal_ball'" in capsys.readouterr().err
    monkeypatch.setattr(Prediction, "refusal", Sentence("unlike those learnt from"))
    assert judge([*asked, "--method", "grad_cam", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)["maps"]["grad_cam"]
    assert record["reasons"]["refused"]["films"] == record["levels"]["do_not_trust"]["films"] == 2


def test_bad_arguments_are_one_sentence(
    checkpoint: Path, boxed: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    text = tmp_path / "films.txt"
    text.write_text("no films")
    wrong = {
        "either --data": [],
        "one of the two": ["--data", str(boxed), "--phantoms", "3"],
        "--phantoms": ["--phantoms", "0"],
        "--limit": ["--phantoms", "3", "--limit", "0"],
        "--seed": ["--phantoms", "3", "--seed", "-1"],
        "--ablation needs": ["--data", str(boxed), "--ablation", "0"],
        "--max-evaluations": ["--phantoms", "3", "--max-evaluations", "1"],
        "phantom of 20 pixels": ["--phantoms", "3", "--size", "20"],
        "is no Parquet file": ["--data", str(tmp_path / "absent.parquet")],
        "no Parquet file": ["--data", str(text)],
    }
    for expected, arguments in wrong.items():
        refused = expected in ("phantom of 20 pixels", "is no Parquet file", "no Parquet file")
        assert main(["--checkpoint", str(checkpoint), *arguments]) == (1 if refused else 2), expected
        printed = capsys.readouterr()
        assert printed.out == "" and expected in printed.err
        assert printed.err.strip().count("\n") == 0 and "Traceback" not in printed.err


def test_films_without_boxes_and_checkpoints_without_film_are_refused(
    checkpoint: Path, boxed: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    train_only = pq.read_table(boxed).slice(3)
    pq.write_table(train_only, tmp_path / "train.parquet")
    only = ["--checkpoint", str(checkpoint), "--data", str(tmp_path / "train.parquet")]
    assert main([*only, "--split", "validation"]) == 1
    assert "no film with boxes (validation)" in capsys.readouterr().err
    blind = toy_checkpoint(tmp_path / "blind", modalities=(Modality.TABLE,))
    assert main(["--checkpoint", str(blind), "--phantoms", "2"]) == 1
    assert "does not read an appearance from the film" in capsys.readouterr().err
    assert main(["--checkpoint", str(tmp_path / "nothing"), "--phantoms", "2"]) == 1
    assert capsys.readouterr().err.strip().count("\n") == 0
