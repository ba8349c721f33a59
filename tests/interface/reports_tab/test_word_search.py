"""Search by words and by a film, over a store whose right order is known; the page and the endpoints."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from cases.parquet.store import EmbeddedCaseStore
from cases.store import broken_case
from interface.api.cases import Api
from interface.api.prompts import PromptsApi
from interface.language.texts import LANGUAGES
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.space_host import SpaceHost
from interface.models.stores import StoreHost
from interface.reports_tab.word_search import WordSearch, found_json, words_panel
from modeling.errors import ViewboxError
from modeling.study import Study
from tests.doubles.toy_space import ToySpace, bright

REPORTS = {"left": "There is an opacity at the left base.", "right": "An opacity on the right."}


def case_of(name: str, side: str, row: int) -> Case:
    origin = Provenance("phantom", patient=name, synthetic=True)
    report = {"findings": REPORTS[side]} if row == 36 else {}
    return Case(name, Study(bright(side, row)), SYNTHETIC_LICENCE, origin, report=report)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words") / "store"
    with EmbeddedCaseStore.create(folder) as store:
        for n, (side, row) in enumerate((("left", 36), ("right", 36), ("right", 4), ("left", 4))):
            store.put(case_of(f"toy-{n}", side, row))
        store.put(Case("toy-9", Study(None), SYNTHETIC_LICENCE, Provenance("phantom")))
    return folder


class Doors:
    """The search with its endpoints."""

    def __init__(self, folder: Path) -> None:
        stores = StoreHost(lambda: EmbeddedCaseStore.open(str(folder)))
        models = Checkpoints([ModelHost(lambda: pytest.fail("no checkpoint is needed"), "absent")])
        space = SpaceHost(ToySpace, models, stores)
        self.search = WordSearch(space, stores)
        self.api = PromptsApi(Api(models, stores), space, self.search)
        self.stores = stores

    def built(self) -> WordSearch:
        self.search.start()
        self.search.wait(60)
        return self.search


@pytest.fixture(scope="module")
def doors(folder: Path) -> Doors:
    return Doors(folder)


def test_words_find_the_films_that_show_it_and_a_film_its_report(doors: Doors) -> None:
    case = doors.stores.store.get("toy-1")
    found = doors.built().find("opacity at the right base", case, 2)
    assert {hit.case_id for hit in found.films} == {"toy-1", "toy-2"}
    assert found.films[0].similarity >= found.films[1].similarity > found.least
    assert [hit.case_id for hit in found.reports] == ["toy-1", "toy-0"] and found.own.rank == 1
    assert (found.placed.index.film_count, found.placed.index.report_count, found.placed.left_out) == (
        4,
        2,
        0,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_lists_are_cards_that_open_their_case(doors: Doors, language: str) -> None:
    found = doors.built().find("left", doors.stores.store.get("toy-0"), 2)
    page = words_panel(found, language)
    assert page.count("data-case=") == 4 and REPORTS["left"] in page
    alone = doors.search.find("", doors.stores.store.get("toy-0"), 2)
    assert words_panel(alone, language).count("data-case=") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [("", "Write what to search for"), ("gryphon", "nothing of them: gryphon"), ("x" * 10_000, "10000")],
)
def test_what_cannot_be_searched_is_one_sentence(doors: Doors, words: str, said: str) -> None:
    with pytest.raises(ViewboxError, match=said):
        doors.built().find(words, None, 2)


def test_a_broken_case_hides_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = EmbeddedCaseStore.get

    def get(store: EmbeddedCaseStore, case_id: str) -> Case:
        if case_id == "toy-2":
            raise broken_case(case_id, "its film is gone")
        return whole(store, case_id)

    monkeypatch.setattr(EmbeddedCaseStore, "get", get)
    found = Doors(folder).built().find("right", None, 5)
    assert found.placed.left_out == 1 and found.films[0].case_id == "toy-1"
    assert found.reports is None and "1 " in words_panel(found, "en")


def test_the_endpoints_answer_the_same(doors: Doors) -> None:
    sentences = [REPORTS["left"], REPORTS["right"]]
    told = doors.api.ask_in_words(sentences, case_id="toy-0", word="left")
    assert told["not_for_diagnosis"] and told["winner"] == REPORTS["left"] and told["warnings"]
    assert told["word"]["word"] == "left" and len(told["word"]["checks"]) == 5
    assert "word" not in doors.api.ask_in_words(sentences, film=bright("right"), name="x.png")
    found = doors.api.search_in_words("left", case_id="toy-0", k=1)
    assert [one["case_id"] for one in found["films"]] == ["toy-0"] and found["own_report"]["rank"] == 1
    assert found["warnings"] == []
    assert found["searched"] == {"films": 4, "reports": 2} and found["films"][0]["rank"] == 1


def test_what_is_found_among_patients_films_comes_with_the_warning(doors: Doors) -> None:
    found = doors.built().find("left", None, 1)
    patients = {name: replace(one, synthetic=False) for name, one in found.placed.shelf.items()}
    placed = replace(found.placed, shelf=patients, synthetic=True)
    assert "synthetic films alone" in found_json(replace(found, placed=placed))["warnings"][0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sentences": []}, "write 2 to 5"),
        ({"sentences": None}, "as a list of texts"),
        ({"sentences": REPORTS["left"]}, "as a list of texts"),
        ({"sentences": [REPORTS["left"], 5]}, "Sentence 2 is no text"),
        (
            {"sentences": [REPORTS["left"], REPORTS["right"]], "case_id": ""},
            "Give either a case ID or a film",
        ),
        ({"sentences": [REPORTS["left"], REPORTS["right"]], "word": "gryphon"}, "choose one of theirs: "),
        ({"sentences": [REPORTS["left"], REPORTS["right"]], "case_id": "toy-9"}, "open a case that has one"),
    ],
)
def test_a_call_that_cannot_be_answered_is_one_sentence(doors: Doors, asked: dict, said: str) -> None:
    with pytest.raises(ViewboxError, match=said):
        doors.api.ask_in_words(**{"case_id": "toy-0"} | asked)
    for k in (0, 101, True, "5"):
        with pytest.raises(ViewboxError, match="1 to 100 cases"):
            doors.api.search_in_words("left", k=k)
    with pytest.raises(ViewboxError, match="The sentence is no text"):
        doors.api.search_in_words(5)


def test_the_tab_shows_how_far_the_reading_is_and_refuses_before_it_begins(folder: Path) -> None:
    from interface.reports_tab.similar_index import SimilarCases
    from interface.reports_tab.tab import ReportActions, reports_panel
    from interface.session.session import Sessions

    doors = Doors(folder)
    with gr.Blocks():
        tab, message = reports_panel(gr.Tabs()), gr.HTML()
    similar = SimilarCases(Checkpoints([ModelHost(lambda: None, "absent")]), doors.stores)
    actions = ReportActions(Sessions(), similar, doors.search, tab, message)
    reader = SimpleNamespace(session_hash="reader", headers={}, query_params={})
    with pytest.raises(ViewboxError, match="gryphon"):
        list(actions.by_words("gryphon", reader))
    assert doors.search.progress.total == 0
    *_, last = actions.by_words("left", reader)
    assert 'data-case="toy-0"' in last[tab.similar]
