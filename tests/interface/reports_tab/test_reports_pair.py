"""Topics on screen, and two explanations side by side: each from its own film, fields and words."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Licence, Provenance
from cases.parquet.store import EmbeddedCaseStore
from interface.api.reports import ReportsApi
from interface.html.pictures import shown_film
from interface.html.render import signed
from interface.language.texts import LANGUAGES
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.reports_tab import similar_index as similar_module
from interface.reports_tab.found_cases import SHOWN_CASES, StoreTopics, progress_line, topics_panel
from interface.reports_tab.pair import Pair, Side, explained_side, pair_panel
from interface.reports_tab.similar_index import Progress, SimilarCases, case_ids
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, Target
from modeling.pipeline import DiagnosisPipeline
from modeling.reports.reading import ReportError
from modeling.study import ClinicalTable, ClinicalText, Modality, Study
from tests.doubles.example_reports import corpus
from tests.doubles.toys import toy_checkpoint, toy_radiograph

TARGET = Target(APPEARANCE, "Typical")
WORDS = ("fever cough ladder", "pain days dry")
EQUAL = dict.fromkeys(Modality, 1.0)


def absent() -> ModelHost:
    return ModelHost(lambda: pytest.fail("no checkpoint is needed"), "absent", ("phantom",))


def read(folder: Path) -> SimilarCases:
    cases = SimilarCases(Checkpoints([absent()]), StoreHost(lambda: EmbeddedCaseStore.open(str(folder))))
    cases.start()
    cases.wait(60)
    return cases


def store_of(folder: Path, reports: list[str], *, words: bool = True) -> Path:
    with EmbeddedCaseStore.create(folder) as store:
        for n, text in enumerate(reports):
            study = Study(None, ClinicalTable({"age": 30.0 + n}), ClinicalText({"indication": "Cough."}))
            report = {"findings": text} if words else {}
            origin = Provenance("phantom", patient=f"p{n}", synthetic=True)
            store.put(Case(f"case-{n:03}", study, SYNTHETIC_LICENCE, origin, report=report))
    return folder


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> SimilarCases:
    texts = [text for text, _ in corpus(48).values()]
    return read(store_of(tmp_path_factory.mktemp("topics") / "store", texts))


# --- topics


@pytest.mark.parametrize("language", LANGUAGES)
def test_topics_lead_from_keywords_to_cases(reported: SimilarCases, language: str) -> None:
    compared = reported.compared
    browser = StoreTopics().of(compared)
    page = topics_panel(browser, compared, "case-000", language)
    topics = re.findall(r'<details class="vb-topic".*?</details>', page, re.DOTALL)
    assert len(topics) == sum(topic.share > 0 for topic in browser.topics) >= 5
    own = [topic for topic in topics if " open>" in topic]
    assert len(own) == 1 and "effusion" in own[0] and 'data-case="case-000" aria-current="true"' in own[0]
    assert all(topic.count("data-case=") <= SHOWN_CASES for topic in topics)
    opened = set(re.findall(r'data-case="([^"]+)"', page))
    assert opened <= set(compared.shelf) and len(opened) > 20
    assert "NPMI" in page and "48" in page
    heart = next(topic for topic in topics if "enlarged" in topic)
    cases = set(re.findall(r'data-case="([^"]+)"', heart))
    affirmed = {f"case-{n:03}" for n, (text, _) in enumerate(corpus(48).values()) if "enlarged" in text}
    assert cases <= affirmed


def test_topics_are_found_once_for_the_same_cases(reported: SimilarCases) -> None:
    topics = StoreTopics()
    assert topics.of(reported.compared) is topics.of(reported.compared)


@pytest.mark.parametrize(
    ("reports", "told"),
    [
        (["Small effusion."] * 3, "at least 8 reports and here are 3"),
        ([f"word{n}" for n in range(12)], "too few words"),
        ([""] * 12, "here are 0"),
    ],
)
def test_few_reports_are_told_in_one_sentence(tmp_path: Path, reports: list[str], told: str) -> None:
    compared = read(store_of(tmp_path / "store", reports)).compared
    with pytest.raises(ReportError, match=told):
        StoreTopics().of(compared)


def test_the_endpoint_gives_the_topics(reported: SimilarCases) -> None:
    api = ReportsApi(StoreHost(lambda: pytest.fail("no case is opened")), reported)
    answer = api.report_topics()
    assert answer["reports"] == 48 and answer["not_read"] == 0 and -1 <= answer["npmi"] <= 1
    assert sum(topic["share"] for topic in answer["topics"]) == pytest.approx(1, abs=1e-3)
    assert all(topic["cases"] for topic in answer["topics"])


def test_a_large_store_is_sampled_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar_module, "MOST_CASES", 20)
    folder = store_of(tmp_path / "store", [text for text, _ in corpus(60).values()])
    first, second = read(folder).compared, read(folder).compared
    assert list(first.shelf) == list(second.shelf) and len(first.index) == 20 and first.left_out == 40
    assert max(first.shelf) > "case-030", "a sample is of the whole store, not of its beginning"
    page = topics_panel(StoreTopics().of(first), first, "", "en")
    assert "40 further cases" in page


def test_a_broken_case_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cases.store import broken_case

    folder = store_of(tmp_path / "store", ["Small effusion."] * 9)
    whole = EmbeddedCaseStore.get

    def get(store: EmbeddedCaseStore, case_id: str) -> Case:
        if case_id == "case-004":
            raise broken_case(case_id, "its film is gone")
        return whole(store, case_id)

    monkeypatch.setattr(EmbeddedCaseStore, "get", get)
    compared = read(folder).compared
    assert len(compared.index) == 8 and compared.left_out == 1 and "case-004" not in compared.shelf
    with closing(EmbeddedCaseStore.open(str(folder))) as store:
        assert len(case_ids(store, 9)) == 9


def test_progress_is_told_in_words_and_as_a_bar() -> None:
    page = progress_line(Progress(3, 48), "en")
    assert "3 of 48" in page and '<progress class="vb-progress"' in page and 'max="48" value="3"' in page
    assert "value=" not in progress_line(Progress(), "zh-Hant")


# --- both explanations


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> ModelHost:
    folder = toy_checkpoint(tmp_path_factory.mktemp("checkpoint") / "toy", seed=3)
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(folder), "toy", ("phantom",))
    host.load()
    return host


def pair_case(n: int, licence: Licence = SYNTHETIC_LICENCE) -> Case:
    table = ClinicalTable({"age": 40.0 + 30 * n, "sex": ("female", "male")[n]})
    study = Study(toy_radiograph(n), table, ClinicalText({"indication": WORDS[n]}))
    origin = Provenance("phantom", patient=f"p{n}", synthetic=True)
    report = {"findings": "Small left pleural effusion."}
    return Case(f"case-{n}", study, licence, origin, report, {APPEARANCE: "Typical"})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, host: ModelHost) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair") / "store"
    cases = (pair_case(0), pair_case(1))
    with EmbeddedCaseStore.create(folder) as store:
        for case in cases:
            store.put(case)
    why = read(folder).pair(cases[0], cases[0].study, cases[1], EQUAL)
    yield Pair(*(explained(case, host) for case in cases), TARGET, host, why)


def explained(case: Case, host: ModelHost) -> Side:
    return explained_side(case, case.study, shown_film(case), host, TARGET, "black", threading.Event())


def test_each_side_is_explained_from_its_own_study(pair: Pair, host: ModelHost) -> None:
    for side, case, words in zip((pair.here, pair.there), (pair_case(0), pair_case(1)), WORDS, strict=True):
        assert [word.word for word in side.account.words] == words.split()
        values = {f.name: f.value for f in side.account.fields}
        assert (values["age"], values["sex"]) == (
            case.study.table.values["age"],
            case.study.table.values["sex"],
        )
        *_, alone = host.pipeline.explain(
            case.study, TARGET, baseline="black", tolerance=0.05, max_evaluations=64
        )
        assert side.account.output == pytest.approx(alone.output, abs=1e-4)
        mine = [word.attribution for word in side.account.words]
        assert mine == pytest.approx([word.attribution for word in alone.words], abs=1e-4)
        assert np.allclose(side.account.image, alone.image, atol=1e-4)
    assert not np.allclose(pair.here.account.image, pair.there.account.image)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_side_shows_its_own_words_and_numbers(pair: Pair, language: str) -> None:
    """A shipped demo painted one report's words with another's attributions: never again."""
    page = pair_panel(pair, language)
    sides = dict(re.findall(r'<section class="vb-side" data-side="([^"]+)"(.*?)</section>', page, re.DOTALL))
    assert list(sides) == ["case-0", "case-1"]
    for name, side, words, others in zip(sides, (pair.here, pair.there), WORDS, reversed(WORDS), strict=True):
        marks = re.findall(r'<mark class="vb-word \w+"[^>]*>([^<]+)<sub>([^<]+)</sub>', sides[name])
        assert marks == [(word.word, signed(word.attribution)) for word in side.account.words]
        assert [word for word, _ in marks] == words.split()
        assert not [word for word in others.split() if f">{word}<" in sides[name]]
        assert sides[name].count("<img ") == 2, "film and map"
        assert f"{100 * side.probability:.1f} %" in sides[name]
    pictures = re.findall(r'src="(data:image/[^"]+)"', page)
    assert len(set(pictures)) == len(pictures) == 5, "two films, two maps, one scale"


def test_shared_findings_and_differing_fields_stand_with_the_pair(pair: Pair) -> None:
    page = pair_panel(pair, "en")
    assert "Both reports affirm: " in page and pair.why.shared_findings == ("Effusion",)
    assert {field.name for field in pair.why.differing_fields} == {"age", "sex"}
    assert "Differing: " in page and set(pair.why.parts) == set(Modality)


def test_a_film_that_may_not_be_shown_stays_hidden(pair: Pair, host: ModelHost) -> None:
    hidden = explained(pair_case(1, Licence("not for show", False, False)), host)
    page = pair_panel(Pair(pair.here, hidden, TARGET, host, pair.why), "en")
    there = page.partition('data-side="case-1"')[2].partition("</section>")[0]
    assert "<img" not in there and "not for show" in there and "vb-word" in there


def test_a_pair_is_compared_by_what_is_asked_for(tmp_path: Path) -> None:
    cases = (pair_case(0), pair_case(1))
    with EmbeddedCaseStore.create(tmp_path / "store") as store:
        for case in cases:
            store.put(case)
    similar = read(tmp_path / "store")
    text = similar.pair(cases[0], cases[0].study, cases[1], {Modality.TEXT: 1.0})
    assert text.similarity == pytest.approx(1) and set(text.parts) == {Modality.TEXT}
    near = similar.find(cases[0], cases[0].study, 1, EQUAL).alike[0]
    both = similar.pair(cases[0], cases[0].study, cases[1], EQUAL)
    assert both.similarity == pytest.approx(near.similarity) and both.parts == pytest.approx(near.parts)
    with pytest.raises(ViewboxError, match="at least one above 0"):
        similar.pair(cases[0], cases[0].study, cases[1], dict.fromkeys(Modality, 0.0))
