"""Findings in the quiz: present or absent each, on small stores and drawn by index from a large lake."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pymongo
import pytest
from pymongo import monitoring

from cases.case import SYNTHETIC_LICENCE, Case, Licence
from cases.document import document_from_case, random_key
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter, CaseStore
from interface.html.codes import codes
from interface.language.texts import CATALOGUES, translated
from interface.quiz_tab.findings import ASKED, NO_FINDING, findings_asked, parts_of, together, truth_of
from interface.quiz_tab.fragments import reference
from interface.quiz_tab.pool import PER_CLASS
from interface.quiz_tab.resume import sitting_from
from interface.quiz_tab.rules import LENGTH
from interface.quiz_tab.score import CaseResult
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, FINDINGS
from tests.doubles.example_cases import small_case
from tests.doubles.mongo_server import MongoServer
from tests.doubles.toys import toy_radiograph
from tests.interface.quiz_tab.test_quiz_gradings import checkpoint, opened

VISIT = SimpleNamespace(session_hash="s", headers={"accept-language": "en-US"}, query_params={})
HIDDEN = Licence("not for show", may_show=False, may_export=False)
LABELS = ("Effusion", "Mass|Nodule", NO_FINDING, "Atelectasis|Cardiomegaly|Edema|Effusion|Pneumonia")


def labelled(number: int, licence: Licence = SYNTHETIC_LICENCE, **more: str) -> Case:
    """A case with findings as an import stores them."""
    case = small_case(f"nih-{number:05d}", source="nih", licence=licence, **more)
    film = toy_radiograph(number, (40, 32))
    reference = {**case.reference, FINDINGS: LABELS[number % len(LABELS)]}
    return replace(case, study=replace(case.study, radiograph=film), reference=reference)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CaseStore:
    """Every third case has an appearance as well."""
    folder = tmp_path_factory.mktemp("findings") / "store"
    with EmbeddedCaseStore.create(folder) as writing:
        for number in range(24):
            writing.put(labelled(number, appearance=None if number % 3 else "Typical"))
    return open_case_store(str(folder))


def test_the_reference_has_the_codes_of_its_findings() -> None:
    answered = {"first": "Mass", "first_confidence": 0.5, "second": "Mass", "second_confidence": 0.5}
    more = {
        "model": "",
        "model_probability": 0.0,
        "drill": False,
        "lesson": "quiz.lesson_agreed",
        "task": FINDINGS,
    }
    row = CaseResult(0, "nih-00001", "Mass|Nodule", **answered, **more)
    shown = reference(labelled(1), row, FINDINGS, "zh-Hant")
    assert "<b>R91.1</b> Solitary pulmonary nodule" in shown and "結節與腫塊 › 結節" in shown
    assert "<b>" not in codes(NO_FINDING.split("|"), "en")


def test_each_film_is_asked_about_four_findings_of_which_one_at_least_is_absent() -> None:
    for number in range(40):
        case = labelled(number)
        asked = findings_asked(case, FINDINGS)
        assert len(set(asked)) == ASKED and set(asked) <= set(FINDINGS.classes)
        assert asked == findings_asked(case, FINDINGS), "the same for everybody"
        present = parts_of(truth_of(case, FINDINGS))
        assert set(present) == set(asked) & set(parts_of(case.reference[FINDINGS]))
        assert len(present) < ASKED and (bool(present) is (number % 4 != 2))
    assert together(()) == NO_FINDING and together(("Mass", "Edema")) == "Edema|Mass"


def test_a_sitting_on_findings_from_ticks_to_the_table(small: CaseStore, tmp_path: Path) -> None:
    models = checkpoint(tmp_path / "toy", APPEARANCE, FINDINGS)
    actions, sitting, updates = opened(models, small, "findings-1")
    panel = actions.panel
    assert {one.task for one in sitting.asked} == {FINDINGS}, "the code says what is asked"
    for number in range(LENGTH):
        offered = [name for _, name in updates[panel.findings].choices]
        assert offered == list(sitting.findings) and updates[panel.findings].visible
        assert not updates[panel.answer].visible and "Tick what is present" in updates[panel.status]
        with pytest.raises(ViewboxError, match="how sure you are"):
            actions.commit(None, None, None, VISIT, [])
        sitting.reminded = True
        truth = truth_of(sitting.case, FINDINGS)
        told = actions.commit(None, 0.75, None, VISIT, ["Hernia<b>", *parts_of(truth)])[panel.model]
        rows = told.count('<tr><th scope="row">')
        assert "The model says" in told and rows == ASKED
        if number == 0:
            actions.explain(VISIT)
            assert sitting.map.target.class_name in sitting.findings
        last = actions.reveal(None, 0.9, VISIT, list(sitting.findings))
        assert f"Reference: {CATALOGUES['en'].strings['class.No Finding']}" in last[panel.truth] or parts_of(
            truth
        )
        updates = actions.next(VISIT)
    assert all(
        row.first == row.truth and row.second == together(parts_of(row.second)) for row in sitting.rows
    )
    kept = json.loads(json.dumps(updates[panel.kept]["record"]))
    table = list(csv.DictReader(io.StringIO(kept["csv"])))
    assert [row["task"] for row in table] == ["findings"] * LENGTH
    assert "right 100 % of the time" in updates[panel.results]
    pool = actions._pool.state.candidates
    kept["rows"] = kept["rows"][:3]
    assert sitting_from(kept, pool).rows == sitting.rows[:3]
    for bad in ("Mass|Edema", "Fever", ""):
        with pytest.raises(ViewboxError, match="cannot be continued"):
            sitting_from(kept | {"rows": [kept["rows"][0] | {"first": bad}]}, pool)


def test_a_reader_chooses_what_is_asked_in_both_languages(small: CaseStore, tmp_path: Path) -> None:
    actions, sitting, _ = opened(checkpoint(tmp_path / "toy", FINDINGS), small, "")
    assert {one.task for one in sitting.asked} == {APPEARANCE, FINDINGS}
    for language, none in (("en-US", "No film here can be asked"), ("zh-TW", "沒有可問這一題")):
        visit = SimpleNamespace(session_hash="t", headers={}, query_params={"lang": language})
        actions._sessions.of("t").language = "zh-Hant" if language == "zh-TW" else "en"
        *_, _ = actions.begin("", visit, "findings")
        chosen = actions._sessions.of("t").quiz
        assert chosen.code.startswith("findings-") and len(chosen.code) == 15
        assert {one.task for one in chosen.asked} == {FINDINGS}
        with pytest.raises(ViewboxError) as caught:
            list(actions.begin("", visit, "grading"))
        assert none in translated(caught.value.sentence, actions._sessions.of("t").language)


# --- a large lake

LAKE, SHOWN = 1_000, 100


class Listener(monitoring.CommandListener):
    """Keeps every search that the driver sends."""

    def __init__(self) -> None:
        self.searches: list[dict] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate"):
            self.searches.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A lake in which one film in ten may be shown, and only these have findings.

    Its plans, not its size, tell what a lake of tens of thousands takes: this server reads whole ranges.
    """
    with MongoServer(tmp_path_factory.mktemp("mongo")) as running:
        with contextlib.closing(MongoCaseStore.connect(running.uri, "lake", write=True)) as writing:
            writing.put_documents(document_from_case(labelled(n)) for n in range(SHOWN))
        hidden = document_from_case(replace(labelled(0, HIDDEN), reference={}))
        with pymongo.MongoClient(running.uri) as client:
            rows = ({**hidden, "ID": f"own-{n:05d}"} for n in range(LAKE - SHOWN))
            rows = [row | {"random": random_key(row["ID"])} for row in rows]
            client["lake"][COLLECTION].insert_many(rows)
        yield running


def test_a_lake_is_drawn_by_index_whatever_its_size(
    server: MongoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    monkeypatch.setattr(pymongo, "MongoClient", partial(pymongo.MongoClient, event_listeners=[listener]))
    with contextlib.closing(MongoCaseStore.connect(server.uri, "lake")) as store:
        assert store.count(CaseFilter()) == LAKE
        actions, sitting, _ = opened(checkpoint(tmp_path / "toy", FINDINGS), store)
        pool = actions._pool.state.candidates
    assert len(sitting.asked) == LENGTH
    assert PER_CLASS / 2 < len(pool) <= PER_CLASS and {c.task for c in pool} == {FINDINGS}
    monkeypatch.undo()
    films = [search for search in listener.searches if set(search.get("filter", ())) == {"ID"}]
    assert len(films) <= 2 * len(pool), "no film is read that is not asked"
    with pymongo.MongoClient(server.uri) as client:
        kinds = {}  # a plan depends on what a search asks of which keys
        for search in listener.searches:
            query = search.get("filter") or search["pipeline"][0]["$match"]
            kinds[repr((*query, search.get("sort"), search.get("hint")))] = search, query
        for search, query in kinds.values():
            if {"ID", "random"} <= query.keys():  # MongoDB takes the better index; this server plans one
                query = {key: value for key, value in query.items() if key != "random"}
            name = search.get("find") or search["aggregate"]
            asked = client["lake"][name].find(query)
            asked = asked.hint([*search["hint"].items()]) if "hint" in search else asked
            plan = str(asked.explain()["queryPlanner"]["winningPlan"])
            assert ("IXSCAN" in plan or "IDHACK" in plan) and "COLLSCAN" not in plan, (query, plan)
            assert "skip" not in search
