"""The tab of reports without a browser: spans, rules, cards; every case explained with its own words."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Licence, Provenance
from cases.parquet.store import EmbeddedCaseStore
from interface.api.reports import ReportsApi
from interface.html.marked_report import marked_report
from interface.language.texts import LANGUAGES, translated
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.reports_tab.found_cases import found_panel
from interface.reports_tab.mined_labels import label_table, scores_panel
from interface.reports_tab.similar_index import Progress, SimilarCases
from interface.reports_tab.tab import ReportActions, miner_of, reports_panel
from interface.session.session import Sessions
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, FINDINGS
from modeling.reports import mining
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from modeling.reports.rules import default_text
from modeling.reports.scoring import example_reports, example_scores
from modeling.results import Familiarity
from modeling.study import ClinicalTable, ClinicalText, Modality, Study
from tests.doubles.example_answers import prediction
from tests.doubles.toys import toy_radiograph, toy_study

HOSTILE = 'FINDINGS: <img src=x onerror=alert(1)> Small effusion & "edema".'
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")


class Spans(HTMLParser):
    """The tags that were opened, with their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))


def marked(text: str) -> str:
    miner = Miner()
    report = Report.from_text(text)
    return marked_report(report, miner.label(report), miner, "en")


def test_mentions_are_marked_by_colour_sign_and_rule() -> None:
    page = marked("FINDINGS: No effusion. Possible pneumonia. Cardiomegaly.")
    for value, sign, word in (
        ("negative", "−", "effusion"),
        ("uncertain", "?", "pneumonia"),
        ("positive", "+", "Cardiomegaly"),
    ):
        pattern = rf'vb-said-{value}" tabindex="0"><b aria-hidden="true">{re.escape(sign)}</b>{word}<span'
        assert re.search(pattern, page), (value, page)
    assert "because of &#34;No&#34;" in page
    assert "Named plainly" in page


def test_the_text_stays_as_it_was_and_harms_nobody() -> None:
    page = marked(HOSTILE)
    assert "img" not in {tag for tag, _ in Spans(page).tags}
    bare = re.sub(r'<span class="vb-why".*?</span>', "", page)
    bare = re.sub(r'<b aria-hidden="true">.*?</b>', "", bare.partition("<ul")[0])
    text = unescape(re.sub(r"<[^>]+>", "", bare))
    assert 'onerror=alert(1)> Small effusion & "edema".' in text


@pytest.mark.parametrize("text", ["XXXX", "x", "肺野清晰。", "word " * 50_000, "INDICATION: Cough."])
@pytest.mark.parametrize("language", LANGUAGES)
def test_odd_reports_are_shown(text: str, language: str) -> None:
    miner, report = Miner(), Report.from_text(text)
    labels = miner.label(report)
    assert marked_report(report, labels, miner, language)
    assert label_table(labels, report, language)


def test_overlapping_mentions_share_one_span() -> None:
    page = marked("FINDINGS: Pneumonia versus atelectasis with pleural effusion, no pneumothorax or edema.")
    depth = 0
    for opened in re.findall(r'<span class="vb-said |<span class="vb-why|</span>', page):
        depth += 1 if opened.startswith("<span") else -1
        assert depth <= 2
    assert depth == 0


def test_the_rules_that_ship_are_right_on_the_examples_and_an_edit_is_seen_at_once() -> None:
    reports, gold = example_reports()
    assert len(reports) == len(gold) >= 20
    assert all(any(row[name] for row in gold.values()) for name in FINDINGS.classes)
    before = example_scores(miner_of(""))
    assert before.micro(FINDINGS.classes).f1 == 1
    rules = default_text().replace('"no", "without",', '"without",')
    assert rules != default_text()
    after = example_scores(miner_of(rules))
    assert after.micro(FINDINGS.classes).precision < 0.9
    page = scores_panel(before, after, True, "en")
    assert "▼" in page
    assert "mined, but not in the gold" in page
    assert "▼" not in scores_panel(before, before, False, "zh-Hant")


def test_a_broken_rule_is_told_in_one_sentence() -> None:
    with pytest.raises(ViewboxError, match="TOML"):
        miner_of("sections = [")


# --- similar cases


def stored(folder: Path) -> Path:
    """Six cases, each with a word that no other has; 0 and 3 are of one patient; 4 must not be shown."""
    with EmbeddedCaseStore.create(folder) as store:
        for n, word in enumerate(WORDS):
            finding = "Large pleural effusion" if n % 2 else "Cardiomegaly"
            study = Study(
                toy_radiograph(n),
                ClinicalTable({"age": 30.0 + 8 * n, "sex": "male" if n % 2 else "female"}),
                ClinicalText({"indication": f"Cough {word}."}),
            )
            licence = Licence("not for show", False, False) if n == 4 else SYNTHETIC_LICENCE
            store.put(
                Case(
                    f"case-{n}",
                    study,
                    licence,
                    Provenance("phantom", patient=f"p{n % 3 if n in (0, 3) else n}", synthetic=True),
                    report={"findings": f"{finding} {word}."},
                    reference={APPEARANCE: "Typical" if n % 2 else "Negative"},
                )
            )
    return folder


@pytest.fixture(scope="module")
def similar(tmp_path_factory: pytest.TempPathFactory) -> tuple[SimilarCases, StoreHost]:
    folder = stored(tmp_path_factory.mktemp("similar") / "store")
    stores = StoreHost(lambda: EmbeddedCaseStore.open(str(folder)))
    host = ModelHost(lambda: pytest.fail("no checkpoint is needed"), "absent", ("phantom",))
    cases = SimilarCases(Checkpoints([host]), stores)
    cases.start()
    cases.wait(60)
    assert cases.compared, cases.progress
    return cases, stores


EQUAL = dict.fromkeys(Modality, 1.0)


def test_every_retrieved_case_is_explained_with_its_own_words(similar) -> None:
    """A shipped demo painted one report's words with another's labels: never again."""
    cases, stores = similar
    query = stores.store.get("case-0")
    found = cases.find(query, query.study, 5, EQUAL)
    page = found_panel(found, "en")
    cards = re.findall(
        r'data-neighbour="case-(\d)">(.*?)</li>(?=<li class="vb-similar-card|</ol>)', page, re.DOTALL
    )
    assert len(cards) == len(found.alike) + len(found.contrast) >= 5
    for number, card in cards:
        own = WORDS[int(number)]
        assert own in card
        assert not [word for word in WORDS if word != own and word in card]
        mined = "effusion" if int(number) % 2 else "Cardiomegaly"
        assert re.search(rf"vb-said-positive[^>]*><b[^>]*>\+</b>[^<]*{mined}", card)


def test_neighbours_share_findings_and_contrast_cases_have_another_label(similar) -> None:
    cases, stores = similar
    query = stores.store.get("case-0")
    found = cases.find(query, query.study, 5, {Modality.TEXT: 1.0})
    assert {n.case_id for n in found.alike[:2]} == {"case-2", "case-4"}
    assert found.alike[0].shared_findings == ("Cardiomegaly",)
    assert "case-3" not in {n.case_id for n in (*found.alike, *found.contrast)}, "the same patient"
    assert {n.label for n in found.contrast} == {"Typical"}


def test_a_film_that_may_not_be_shown_has_no_thumbnail(similar) -> None:
    cases, _ = similar
    shelf = cases.compared.shelf
    assert shelf["case-4"].thumbnail == ""
    assert shelf["case-1"].thumbnail.startswith("data:image/")


def test_a_changed_study_is_compared_as_it_is_now(similar) -> None:
    cases, stores = similar
    query = stores.store.get("case-0")
    table = {Modality.TABLE: 1.0}
    before = cases.find(query, query.study, 1, table).alike[0].case_id
    changed = replace(query.study, table=ClinicalTable({"age": 70.0, "sex": "male"}))
    assert (before, cases.find(query, changed, 1, table).alike[0].case_id) == ("case-2", "case-5")


def test_a_study_of_the_readers_own_is_compared_too(similar) -> None:
    cases, stores = similar
    own = replace(stores.store.get("case-1"), case_id="", reference={}, provenance=Provenance(""))
    found = cases.find(own, own.study, 3, EQUAL)
    assert found.alike[0].case_id == "case-1"
    assert found.contrast == ()
    assert "no reference label" in found_panel(found, "en")


def test_similar_cases_of_a_film_that_the_checkpoint_refuses_say_so_first(similar, monkeypatch) -> None:
    cases, stores = similar
    host = SimpleNamespace(
        predict=lambda study, source: replace(prediction(), familiarity=Familiarity(3.0, 2.0))
    )
    case = replace(stores.store.get("case-0"), study=toy_study())
    with monkeypatch.context() as patched:
        patched.setattr(cases, "_host_named", lambda name: host)
        assert cases.judged(case).refusal and cases.judged(replace(case, study=Study())) is None
    monkeypatch.setattr(cases, "judged", lambda one: host.predict(one.study, None))
    answer = ReportsApi(stores, cases).similar_cases("case-0", k=2)
    assert list(answer)[:2] == ["not_for_diagnosis", "refusal"] and "rather not say" in answer["refusal"]
    assert answer["familiarity"]["refuses"] and answer["similar"]


def test_the_endpoints_answer_in_plain_values(similar) -> None:
    cases, stores = similar
    api = ReportsApi(stores, cases)
    answer = api.similar_cases("case-0", k=2, image=0, table=0, text=1)
    assert [n["case_id"] for n in answer["similar"]] == ["case-2", "case-4"]
    assert answer["refusal"] is None and answer["warnings"] == [], "no checkpoint compares films here"
    assert answer["similar"][0]["text"] == {"findings": "Cardiomegaly charlie."}
    mined = api.mine_report("FINDINGS: No effusion.")["findings"]["Effusion"]
    assert mined["value"] == "negative"
    assert mined["icd10cm"]["code"] == "J90" and mined["hierarchy"] == ["Pleura", "Pleural effusion"]
    (sentence,) = api.mine_report("Left base opacity.")["sentences"]
    assert (
        sentence["points_at"]["places"][0] | {"zone": "base", "side": "left"}
        == sentence["points_at"]["places"][0]
    )
    assert api.mine_report("Broken collarbone.")["like"][0]["finding"] == "Clavicle fracture"
    assert api.mine_report("banana")["like"]["refused"].startswith("Nothing known here")
    assert "like" not in api.mine_report("No change.") and "like" not in api.mine_report("As before. " * 9)
    assert mined["mentions"][0] | {"sentence": "", "span": []} == {
        "value": "negative",
        "section": "findings",
        "span": [],
        "text": "effusion",
        "sentence": "",
        "rule": "no",
        "cue": "No",
    }
    for call in (
        lambda: api.mine_report(" "),
        lambda: api.mine_report("x" * 600_000),
        lambda: api.similar_cases(""),
        lambda: api.similar_cases("case-0", k=0),
        lambda: api.similar_cases("case-0", image="a"),
        lambda: api.similar_cases("case-0", image=0, table=0, text=0),
    ):
        with pytest.raises(ViewboxError):
            call()


def test_whoever_asks_before_the_cases_are_compared_is_told_how_far_that_is(similar, monkeypatch) -> None:
    cases, stores = similar
    told = []

    class StillComparing:
        find, judged = staticmethod(cases.find), staticmethod(cases.judged)
        steps = staticmethod(lambda: iter([Progress(3, 10)]))

    recorder = SimpleNamespace(Progress=lambda: lambda share, **_: told.append(share))
    monkeypatch.setattr("interface.api.reports.gr", recorder)
    assert ReportsApi(stores, StillComparing()).similar_cases("case-0", k=1)["similar"]
    assert told == [(3, 10)]


def test_what_makes_labels_doubtful_is_told_in_chinese_too() -> None:
    for sentence in (mining.EMPTY, mining.SILENT, mining.FOREIGN, mining.MIXED):
        assert translated(sentence, "zh-Hant") != sentence


@pytest.mark.parametrize("reader", LANGUAGES)
def test_the_sentence_that_calls_a_report_normal_is_shown(reader: str) -> None:
    report = Report.from_text("FINDINGS: No effusion. Lungs are clear.")
    assert "Lungs are clear." in label_table(Miner().label(report), report, reader)


def test_a_report_is_offered_to_be_taken_only_where_the_case_on_screen_has_words() -> None:
    with gr.Blocks(), gr.Tabs() as tabs:
        tab = reports_panel(tabs)
    sessions, visit = Sessions(), SimpleNamespace(session_hash="s", headers={}, query_params={})
    actions = ReportActions(sessions, SimpleNamespace(start=lambda: None), None, tab, gr.HTML())
    silent = Case("A", Study(), SYNTHETIC_LICENCE, Provenance("x"))
    told = replace(silent, report={"findings": "Clear lungs."})
    for case, offered in ((None, False), (silent, False), (told, True)):
        if case is not None:
            sessions.of("s").put(case, None)
        assert actions.arrive("", visit)[tab.take].visible is offered
    assert actions.take("", visit)[tab.text] == "FINDINGS: Clear lungs."
