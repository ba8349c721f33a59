"""What titles, notes and lessons say of the shipped cases is what the shipped checkpoints really answer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cases.case import Case
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from hub_config.settings import SPACE_CHECKPOINT, STUDY_CHECKPOINT
from interface.learn_tab.tab import FAILURES, GLOSSARY, learn_page
from interface.models.stores import STUDY
from interface.session.defects import DEFECTS, on_frame
from modeling.labels import APPEARANCE, FINDINGS, GRADING, Target, TaskName
from modeling.model.operating_points import Calibration
from modeling.model.shared_space import SharedSpace
from modeling.pipeline import DiagnosisPipeline
from modeling.prompts.answer import ask_in_words
from modeling.results import Prediction
from modeling.study import ClinicalTable, Modality, Study, ViewPosition
from modeling.study_answer import StudyPipeline
from modeling.trust.scrutiny import Scrutiny


@dataclass(frozen=True)
class Shown:
    """A shipped case with the film checkpoint."""

    case: Case
    pipeline: DiagnosisPipeline

    def answer(self, study: Study | None = None) -> Prediction:
        """To the case, or to its study changed."""
        return self.pipeline.predict(study or self.case.study, source=self.case.provenance.source)

    def sure(self, task: TaskName, name: str) -> float:
        """The probability of a class."""
        told = self.answer()[task]
        return float(told.probabilities[told.classes.index(name)])

    @property
    def stopped(self) -> bool:
        """Whether the gate would rather not say."""
        familiarity = self.answer().familiarity
        return familiarity is not None and not familiarity.familiar


def keeps_its_answer_without_the_table(one: Shown) -> bool:
    without = one.answer(Study(one.case.study.radiograph, ClinicalTable({}), one.case.study.text))
    return all(without[t].most_probable == one.answer()[t].most_probable for t in (APPEARANCE, GRADING))


def is_wrong_with_confidence(one: Shown) -> bool:
    """Severe means five or six zones, and the only box lies on one lung, which has three."""
    (box,) = one.case.regions
    return (
        one.sure(GRADING, "Severe") > 0.75
        and one.sure(APPEARANCE, "Typical") > 0.6
        and box.left + box.width < 0.5
    )


def leaves_classes_open(one: Shown) -> bool:
    calibration = Calibration.load(one.pipeline.origin.folder)
    answer = one.answer()[APPEARANCE]
    return len(calibration[APPEARANCE].prediction_set(answer.classes, answer.probabilities).classes) > 1


def puts_atypical_last(one: Shown) -> bool:
    typical, indeterminate, atypical = (
        one.sure(APPEARANCE, c) for c in ("Typical", "Indeterminate", "Atypical")
    )
    return typical > indeterminate > atypical > typical - 0.2


def claims_severe(one: Shown) -> bool:
    return one.sure(GRADING, "Severe") > 0.95


def is_warned_of_its_source(one: Shown) -> bool:
    return any("has seen none like this one" in note for note in one.answer().mismatch)


CLAIMS: tuple[tuple[str, str, str, Callable[[Shown], bool]], ...] = (
    ("case-02", "Leave out the table and see", "拿掉臨床資料看看", keeps_its_answer_without_the_table),
    ("case-05", "unlike those it learnt from", "不像訓練影像", lambda one: one.stopped),
    ("case-07", "the gate lets the film pass", "熟悉度檢查卻放行", lambda one: not one.stopped),
    ("case-07", "Severe with near certainty", "幾乎肯定地說是重度", claims_severe),
    ("case-13", "does the answer stay?", "答案還在嗎", keeps_its_answer_without_the_table),
    ("case-17", "cannot rule out", "無法排除", leaves_classes_open),
    ("case-22", "wrong with confidence", "有把握的錯誤", is_wrong_with_confidence),
    ("case-23", "was not trained on", "未訓練過", is_warned_of_its_source),
    (
        "case-24",
        "names all four",
        "四者皆列",
        lambda one: set(one.case.reference[FINDINGS].split("|"))
        == {"Edema", "Effusion", "Infiltration", "Pneumonia"},
    ),
    ("case-25", "Typical first and Atypical last", "典型排第一、非典型排在三者之末", puts_atypical_last),
    ("case-26", "The gate lets the film pass", "熟悉度檢查放行", lambda one: not one.stopped),
    (
        "case-28",
        "first answer is Negative",
        "首選答案也是陰性",
        lambda one: one.answer()[APPEARANCE].most_probable == "Negative",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def film(root: Path) -> DiagnosisPipeline:
    return DiagnosisPipeline.from_pretrained(root / "hub_config" / "checkpoints" / "film")


@pytest.fixture(scope="module")
def store() -> EmbeddedCaseStore:
    return EmbeddedCaseStore.open()


@pytest.mark.parametrize(("case_id", "english", "chinese", "holds"), CLAIMS)
def test_the_checkpoint_does_what_a_teaching_note_says(
    case_id: str,
    english: str,
    chinese: str,
    holds: Callable[[Shown], bool],
    film: DiagnosisPipeline,
    store: EmbeddedCaseStore,
) -> None:
    case = store.get(case_id)
    assert english in case.teaching_note["en"] and chinese in case.teaching_note["zh-Hant"]
    assert holds(Shown(case, film))


# --- the lessons of "Learn"

CASE_OF = {lesson.name: lesson.shows[0].case for lesson in (*FAILURES, *GLOSSARY) if lesson.shows}
BOXED, INVERTED, TURNED = (CASE_OF[name] for name in ("attention", "failure.inverted", "failure.sideways"))
MARKED, TOLD, AGREED = (CASE_OF[name] for name in ("failure.arrow", "failure.leak", "share"))


@pytest.fixture(scope="module")
def teaching(root: Path) -> DiagnosisPipeline:
    return DiagnosisPipeline.from_pretrained(root / "hub_config" / "checkpoints" / "teaching")


@pytest.mark.parametrize(("case_id", "defect"), [(INVERTED, "inverted"), (TURNED, "sideways")])
def test_a_defect_flips_the_answer_and_the_gate_says_so(
    case_id: str, defect: str, film: DiagnosisPipeline, store: EmbeddedCaseStore
) -> None:
    one = Shown(store.get(case_id), film)
    usual, changed = one.answer(), one.answer(DEFECTS[defect](one.case.study))
    before, after = usual[APPEARANCE], changed[APPEARANCE]
    assert before.most_probable != after.most_probable and not one.stopped
    assert before.probabilities.max() > 0.6 and after.probabilities.max() > 0.45
    assert changed.familiarity is not None and not changed.familiarity.familiar


def test_in_a_frame_a_good_part_of_the_map_lies_where_no_patient_is(
    film: DiagnosisPipeline, store: EmbeddedCaseStore
) -> None:
    framed = DEFECTS["framed"](store.get(INVERTED).study)
    target = Target(APPEARANCE, film.predict(framed)[APPEARANCE].most_probable)
    *_, account = film.explain(framed, target, max_evaluations=64)
    assert account.image is not None and on_frame(account.image) > 0.25


def test_attention_lies_where_the_radiologist_drew_the_box(
    film: DiagnosisPipeline, store: EmbeddedCaseStore
) -> None:
    case = store.get(BOXED)
    target = Target(APPEARANCE, film.predict(case.study)[APPEARANCE].most_probable)
    weight = Scrutiny(film).opinion(case.study, target, "evidence").image
    (box,), (rows, columns) = case.regions, weight.shape
    inside = np.zeros(weight.shape, bool)
    inside[
        int(box.top * rows) : int((box.top + box.height) * rows),
        int(box.left * columns) : int((box.left + box.width) * columns),
    ] = True
    assert weight[inside].sum() / weight.sum() > 4 * inside.mean()
    assert inside[np.unravel_index(weight.argmax(), weight.shape)]


def test_an_arrow_turns_the_twin_and_leaves_the_honest_checkpoint(
    root: Path, teaching: DiagnosisPipeline, store: EmbeddedCaseStore
) -> None:
    twin = DiagnosisPipeline.from_pretrained(root / "hub_config" / "checkpoints" / "teaching-twin")
    case = store.get(MARKED)
    told = [
        model.predict(study)[APPEARANCE].most_probable
        for model in (twin, teaching)
        for study in (case.study, DEFECTS["arrow"](case.study))
    ]
    truth = case.reference[APPEARANCE]
    assert truth != "Negative" and told == [truth, "Negative", truth, truth]


def test_words_alone_keep_an_answer_without_the_film(
    teaching: DiagnosisPipeline, store: EmbeddedCaseStore
) -> None:
    study = store.get(TOLD).study
    with_film, without = (teaching.predict(s)[APPEARANCE] for s in (study, DEFECTS["no_film"](study)))
    assert with_film.most_probable == without.most_probable and without.probabilities.max() > 0.9


def test_film_table_and_words_hold_the_evidence_together(store: EmbeddedCaseStore) -> None:
    evidence = store.get(AGREED).evidence
    assert evidence is not None and set(evidence.modality[APPEARANCE]) == set(Modality)


def test_a_lesson_opens_on_its_case_only_where_the_store_has_it() -> None:
    shipped, elsewhere = learn_page("en", ["teaching-twin"]), learn_page("en", ["teaching-twin"], ())
    for case_id in (BOXED, INVERTED, TURNED, MARKED, TOLD, AGREED, *(f"{STUDY}{n:012x}" for n in STUDIES)):
        assert f"case={case_id}" in shipped
    assert "case=" not in elsewhere and "change=arrow" in elsewhere


# --- several films: with all of them, and without laterals or priors


STUDIES = (0x520A, 0x5210, 0x52E7, 0x520C, 0x520F, 0x5231)
WITHOUT = {
    "lateral": lambda film: film.radiograph.view_position is not ViewPosition.LATERAL,
    "prior": lambda film: film.days_before == 0,
}


@pytest.fixture(scope="module")
def read_studies(store: EmbeddedCaseStore) -> Callable[[int, str], tuple]:
    """Number of a study, and what is left out -> its answers without that, with all films, and the truth."""
    pipeline = StudyPipeline.from_pretrained(STUDY_CHECKPOINT)

    def read(number: int, left_out: str) -> tuple:
        case = store.get(f"{STUDY}{number:012x}")
        answer = pipeline.predict(case.films, case.study, source="phantom")
        kept = answer.with_films([WITHOUT[left_out](film) for film in case.films])
        task = 0 if left_out == "lateral" else 1
        return kept[task], answer.prediction.tasks[task], case.reference[answer.prediction.tasks[task].task]

    return read


def test_the_lateral_shows_adds_nothing_and_misleads_as_its_lesson_says(read_studies) -> None:
    hidden, shown, truth = read_studies(0x520A, "lateral")
    assert hidden.most_probable == "absent" and shown.most_probable == truth == "present"
    front, both, truth = read_studies(0x5210, "lateral")
    assert front.most_probable == both.most_probable == truth == "present"
    assert np.ptp([front.probabilities[1], both.probabilities[1]]) < 0.02
    right, misled, truth = read_studies(0x52E7, "lateral")
    assert right.most_probable == truth == "absent" and misled.probabilities[1] > 0.9


def test_the_prior_helps_knows_a_breath_and_misleads_as_its_lesson_says(read_studies) -> None:
    for number, label in ((0x520C, "new"), (0x520F, "clear")):
        alone, compared, truth = read_studies(number, "prior")
        assert alone.most_probable != compared.most_probable == truth == label
    _, misled, truth = read_studies(0x5231, "prior")
    assert truth == "unchanged" and misled.most_probable == "new" and misled.probabilities.max() > 0.85


def test_the_studies_that_ship_can_be_found_in_the_list(store: EmbeddedCaseStore) -> None:
    for label, count in (("opacity/present", 7), ("interval_change/new", 2), ("interval_change/clear", 1)):
        assert store.count(CaseFilter(label=label)) == count
    rows = store.page(CaseFilter(text=STUDY), None, 20).rows
    assert {row.title["en"] for row in rows} == {
        "Frontal and lateral",
        "Frontal film, with a prior",
        "Frontal and lateral, with a prior",
    }


@pytest.mark.skipif(not SPACE_CHECKPOINT.is_dir(), reason="the space that ships is not in this tree")
@pytest.mark.parametrize(
    ("lesson", "place", "winner", "shares", "heard"),
    [
        ("prompts", 0, "Severe airspace disease.", (1.0, 1.0), False),
        ("prompts", 1, "The lungs are clear.", (0.97, 1.0), True),
        ("failure.words", 0, "The lungs are clear.", (0.62, 0.84), False),
    ],
)
def test_what_lessons_say_of_sentences_is_what_the_space_answers(
    lesson: str, place: int, winner: str, shares: tuple[float, float], heard: bool
) -> None:
    link = next(one.shows for one in (*FAILURES, *GLOSSARY) if one.name == lesson)[place]
    film = EmbeddedCaseStore.open().get(link.case).study.radiograph
    asked = ("The lungs are clear.", "Severe airspace disease.")
    found = ask_in_words(SharedSpace.from_pretrained(SPACE_CHECKPOINT), film, asked)
    assert found.sentences[found.winner] == winner and found.wording.count == 255
    assert found.probabilities[found.winner] == pytest.approx(shares[0], abs=0.006)
    assert found.wording.kept == pytest.approx(shares[1], abs=0.006) and found.denial.understood == heard
