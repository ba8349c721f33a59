"""All films of a case read together: what stands on the page, without any film, and when it goes again."""

import dataclasses
import json
import re
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest

from cases.case import Case
from cases.phantom.study_plan import CHANGE, OPACITY
from hub_config.settings import STUDY_CHECKPOINT
from interface.case_tab.components import Parts
from interface.html.study_films import added, films_strip
from interface.models.held_film import hold
from interface.models.study_host import StudyHost
from interface.session.session import Session
from interface.study_panel.answer import answer_panel, beside_films, of_every_task
from interface.study_panel.handlers import StudyActions
from interface.study_panel.panel import StudyPanel
from modeling.errors import StudyError
from modeling.model.checkpoint import Origin
from modeling.sentence import Sentence
from modeling.study_answer import NO_EARLIER, StudyPipeline
from tests.doubles.example_cases import small_case, study_case
from tests.doubles.toys import toy_study_model

PANEL = StudyPanel("ask", "change", "answer", "changed")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> StudyHost:
    origin = Origin("toy", "sha256:0", tmp_path_factory.mktemp("toy"), False)
    pipeline = StudyPipeline(*toy_study_model(), origin)
    return StudyHost(lambda: pipeline)


@pytest.fixture(scope="module")
def case() -> Case:
    return study_case(films=3)


@pytest.fixture(scope="module")
def answers(host, case):
    return of_every_task(host.predict(case.films, case.study, source="phantom"))


def opened(case: Case) -> Session:
    session = Session()
    session.put(case, hold(case))
    return session


def actions_of(host: StudyHost, session: Session) -> StudyActions:
    return StudyActions(host, SimpleNamespace(of=lambda _: session), PANEL, "films", "message")


READER = SimpleNamespace(session_hash="one")


def test_every_choice_of_films_stands_on_the_page(answers, case):
    html = answer_panel(answers, case, "en")
    assert html.count("data-leave=") == 3 and html.count("data-choices=") == 2
    for answer, text in zip(answers, re.findall(r'data-choices="([^"]+)"', html), strict=True):
        shares = json.loads(unescape(text))
        assert len(shares) == 8
        for choice, row in enumerate(shares):
            given = [bool(choice & bit) for bit in (4, 2, 1)]  # the first film's bit is the highest
            expected = next(t for t in answer.with_films(given) if t.task == answer.target.task)
            assert row == pytest.approx(expected.probabilities.tolist(), abs=1e-4)
        whole = answer.prediction[answer.target.task]
        assert shares[-1] == pytest.approx(whole.probabilities.tolist(), abs=1e-4)


@pytest.mark.parametrize(("language", "reveal"), [("en", "Reveal the reference"), ("zh-Hant", "參考")])
def test_the_answer_says_what_each_film_adds_and_what_is_true(host, answers, case, language, reveal):
    told = [[*host.pipeline.explain(one)][-1] for one in answers]
    html = answer_panel(told, case, language)
    assert reveal in html and html.count("✓ ") >= 2
    for answer in told:
        for part in answer.parts:
            assert f"{abs(part.shapley):.3f}" in html and f"{abs(part.contribution):.3f}" in html
        assert f"{abs(answer.account.convergence_delta):.3f}" in html
    assert "…" in answer_panel(answers, case, language), "the account is still to come"


def test_an_answer_about_other_films_says_so_first(host, case):
    pipeline = host.pipeline
    config = pipeline.model.config
    try:
        pipeline.model.config = dataclasses.replace(config, sources=("phantom",))
        own = of_every_task(host.predict(case.films, case.study))
    finally:
        pipeline.model.config = config
    html = answer_panel(own, case, "en")
    assert html.index("has seen none like your own") < html.index("data-leave=")


def test_films_that_could_not_be_read_are_named_before_the_answer(answers, case):
    left_out = Sentence("The film broken.png was left out: This file is no film.")
    own = dataclasses.replace(case, case_id="", notes=(left_out,))
    html = answer_panel(answers, own, "en")
    assert html.index(left_out) < html.index("data-leave=")
    assert left_out not in answer_panel(answers, dataclasses.replace(own, case_id="stored"), "en")


def test_without_an_earlier_film_the_change_is_called_no_answer_above_its_bars(case):
    pipeline = StudyPipeline.from_pretrained(STUDY_CHECKPOINT)
    answers = of_every_task(pipeline.predict(case.films[:1], case.study))
    assert [answer.target.task for answer in answers] == [OPACITY, CHANGE]
    html = answer_panel(answers, case, "en")
    opacity, change = (bars.start() for bars in re.finditer("data-choices=", html))
    assert html.count(NO_EARLIER) == 1 and opacity < html.index(NO_EARLIER) < change
    whole = of_every_task(pipeline.predict(case.films, case.study))
    assert NO_EARLIER not in answer_panel(whole, case, "en")


def test_an_answer_is_told_against_the_runner_up(answers, case):
    for answer in answers:
        shares = answer.prediction[answer.target.task].probabilities
        second, first = np.argsort(shares)[-2:]
        classes = answer.target.task.classes
        assert (answer.target.class_name, answer.target.against) == (classes[first], classes[second])
    assert "believe the Shapley value for what a film adds" in answer_panel(answers, case, "en")


def test_bars_of_all_answers_share_one_scale(answers, case):
    adds = beside_films(answers, "en")
    widths = [part.width for _, parts in adds for part in parts]
    assert max(widths) == pytest.approx(50.0) and len(widths) == 6
    assert added(-2.0, 4.0, "en").says == "speaks against" and added(-2.0, 4.0, "en").width == 25.0
    assert added(0.1, 4.0, "en").says == "adds hardly anything" and added(0.0, 0.0, "en").width == 0.0
    strip = films_strip(case, "en", adds=adds)
    assert strip.count('class="vb-adds') == 6 and "Read all films together" not in strip
    assert "Read all films together" in films_strip(case, "en")


def test_a_press_tells_the_answer_then_the_accounts(host, case):
    session = opened(case)
    first, answered, *explained = actions_of(host, session).ask(READER)
    assert "3 films" in first["answer"] and session.whole_shown
    assert (
        "data-choices" in answered["answer"] and "…" in answered["answer"] and "vb-adds" in answered["films"]
    )
    assert len(explained) == 2 and "…" not in explained[-1]["answer"]
    assert all(one.account is not None for one in session.whole)


def test_another_case_ends_it_and_takes_it_off(host, case):
    session = opened(case)
    steps = actions_of(host, session).ask(READER)
    next(steps), next(steps)
    other = small_case("b")
    session.put(other, hold(other))
    assert [*steps] == [] and session.whole == ()
    parts = SimpleNamespace(whole=PANEL, film=SimpleNamespace(films="films"))
    assert Parts.unread(parts, session) == {"answer": "", "changed": "", "films": ""}
    assert Parts.unread(parts, session) == {}, "and only once: a case of one film is sent nothing"


def test_another_value_makes_it_due_again(host, case):
    session = opened(case)
    [*actions_of(host, session).ask(READER)]
    session.revise(dataclasses.replace(case.study))
    assert session.whole == () and session.reading.is_set()


@pytest.mark.parametrize("made", [lambda: small_case("a"), None])
def test_a_case_of_one_film_has_no_whole_study(host, made):
    session = Session()
    if made is not None:
        session.put(made(), None)
    with pytest.raises(StudyError, match="one film"):
        next(actions_of(host, session).ask(READER))


def test_what_changed_is_told_view_by_view_or_why_it_is_not(host, case):
    session = opened(study_case(films=4))  # films of noise: the earlier one cannot be laid on today's
    waiting, told = actions_of(host, session).compare(READER)
    assert "earlier one" in waiting["changed"] and session.whole_shown
    assert "lateral, today against lateral, 30 days before" in told["changed"]
    assert "cannot be laid on today" in told["changed"] and "<img" not in told["changed"]
    no_prior = dataclasses.replace(case, further=case.further[:1])
    assert "seen none like this one" not in told["changed"]
    *_, told = actions_of(host, opened(no_prior)).compare(READER)
    assert "no earlier film of the same view" in told["changed"]


def test_a_film_that_may_not_be_shown_is_not_drawn(host, case):
    hidden = dataclasses.replace(case, licence=dataclasses.replace(case.licence, may_show=False))
    with pytest.raises(StudyError, match="may not be shown"):
        next(actions_of(host, opened(hidden)).compare(READER))
