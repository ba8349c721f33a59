"""The panel "Ask in words": what it says of the film on screen, and what it refuses."""

import re
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Licence, Provenance
from cases.parquet.store import EmbeddedCaseStore
from interface.language.texts import LANGUAGES, say
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.space_host import SpaceHost
from interface.models.stores import StoreHost
from interface.prompt_panel.panel import PromptActions, prompt_panel
from interface.session.links import Link
from interface.session.session import Session, Sessions
from modeling.errors import ViewboxError
from modeling.study import Radiograph, Study
from tests.doubles.toy_space import ToySpace, bright

READER = SimpleNamespace(session_hash="reader", headers={}, query_params={})
LEFT, CLEAR = "There is an opacity at the left base.", "The lungs are clear."


def case_of(film: Radiograph | None, name: str = "toy-1", licence: Licence = SYNTHETIC_LICENCE) -> Case:
    return Case(name, Study(film), licence, Provenance("phantom", synthetic=True))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> StoreHost:
    folder = tmp_path_factory.mktemp("cases") / "store"
    with EmbeddedCaseStore.create(folder) as store:
        for n, side in enumerate(("left", "right")):
            store.put(case_of(bright(side), f"toy-{n + 1}"))
    return StoreHost(lambda: EmbeddedCaseStore.open(str(folder)))


class Screen:
    """The panel's handlers for one reader."""

    def __init__(self, stores: StoreHost, load: object = ToySpace) -> None:
        with gr.Blocks():
            self.panel, self.message = prompt_panel(), gr.HTML()
        self.sessions = Sessions()
        host = ModelHost(lambda: pytest.fail("no checkpoint is needed"), "absent", ("phantom",))
        self.actions = PromptActions(
            self.panel, SpaceHost(load, Checkpoints([host]), stores), self.sessions, self.message
        )

    @property
    def session(self) -> Session:
        return self.sessions.of("reader")

    def ask(self, text: str) -> dict:
        return self.actions.ask(text, READER)

    def refused(self, text: str) -> str:
        """What is said of sentences that cannot be asked; the last answer goes."""
        told = self.ask(text)
        assert told[self.panel.answer] == told[self.panel.checked] == ""
        return told[self.message]

    def press(self, told: object) -> dict:
        return self.actions.check_word(SimpleNamespace(_data=told), READER)


@pytest.fixture
def screen(stores: StoreHost) -> Screen:
    made = Screen(stores)
    made.session.put(case_of(bright("left")), None)
    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_film_stands_between_the_sentences_with_a_map_for_each_word(
    screen: Screen, language: str
) -> None:
    screen.session.language = language
    shown = screen.ask(f"{LEFT}\n\n  {CLEAR}\n")[screen.panel.answer]
    best = re.search(r'<tr class="vb-best">.*?</tr>', shown, re.DOTALL)[0]
    assert "opacity" in best and shown.count("<tr") == 3
    assert re.findall(r'data-start="(\d+)"', best)[:3] == ["0", "6", "9"]
    maps = re.findall(r'data-map="(data:image/png[^"]+)"', shown)
    assert len(maps) == 8 + 4 and all(len(one) < 4000 for one in maps)
    assert shown.count("<img") == 2 and "100 %" in shown


def test_an_empty_box_asks_the_example_and_shows_it(stores: StoreHost) -> None:
    class KnowsAll(ToySpace):
        def unknown_words(self, sentence: str) -> tuple[str, ...]:
            return ()

    screen = Screen(stores, KnowsAll)
    screen.session.put(case_of(bright("left")), None)
    screen.actions._space.word_maps = lambda film, sentences: [()] * len(sentences)
    shown = screen.ask(" ")
    assert shown[screen.panel.sentences] == say("prompts.example", "en")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CLEAR} {LEFT}", "each on a line of its own"),
        (f"{CLEAR}\n?!", "Sentence 2 is empty"),
        (f"{CLEAR}\nthe lungs are CLEAR", "are the same"),
        ("\n".join("abcdef"), "at most 5 sentences"),
        (f"{CLEAR}\n{'x' * 10_000}", "has 10000 characters"),
        (f"{CLEAR}\nЛёгкие чистые", "a language that this model does not read"),
        (f"{CLEAR}\n<b>gryphon</b>", "nothing of them: b, gryphon"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(screen: Screen, text: str, said: str) -> None:
    screen.ask(f"{LEFT}\n{CLEAR}")
    assert said in screen.refused(text)


def test_a_links_sentences_open_the_panel_and_are_asked_once(screen: Screen) -> None:
    (idle,) = screen.actions.linked(READER)
    assert [*idle] == [screen.message]
    screen.session.wish(link=Link(case="toy-1", method="grad_cam", ask=f"{LEFT}\n{CLEAR}"))
    opened, answered = screen.actions.linked(READER)
    assert opened[screen.panel.fold].open and opened[screen.panel.sentences] == f"{LEFT}\n{CLEAR}"
    assert 'class="vb-best"' in answered[screen.panel.answer]
    assert screen.session.wishes.link == Link(case="toy-1", method="grad_cam")
    screen.session.wish(link=Link(ask=LEFT))
    *_, refused = screen.actions.linked(READER)
    assert "each on a line of its own" in refused[screen.message]


def test_without_a_film_or_a_space_it_says_what_to_do(stores: StoreHost) -> None:
    screen = Screen(stores)
    assert "open a case that has one" in screen.refused(LEFT)
    screen = Screen(stores, None)
    screen.session.put(case_of(bright("left")), None)
    assert "No model that reads sentences is here" in screen.refused(f"{LEFT}\n{CLEAR}")


def test_a_film_that_may_not_be_shown_is_answered_without_picture_or_map(stores: StoreHost) -> None:
    screen = Screen(stores)
    screen.session.put(case_of(bright("left"), licence=Licence("secret", False, False)), None)
    shown = screen.ask(f"{LEFT}\n{CLEAR}")[screen.panel.answer]
    assert "<img" not in shown and "data:image" not in shown and "may not" not in shown
    assert say("prompts.locked", "en") in shown


def test_a_pressed_word_is_checked_against_another_film_of_the_store(screen: Screen) -> None:
    told = {"sentences": [LEFT, CLEAR], "sentence": 0, "start": LEFT.index("left")}
    shown = screen.press(told)[screen.panel.checked]
    assert "<b>left</b>" in shown and shown.count("<li>") == 5 and "random places" in shown


@pytest.mark.parametrize(
    "told",
    [None, "x", {}, {"sentences": [LEFT, CLEAR]}, {"sentences": [LEFT, CLEAR], "sentence": True, "start": 0},
     {"sentences": [LEFT, CLEAR], "sentence": 0, "start": 10**30}, {"sentences": [1, 2], "sentence": 0},
     {"sentences": {"a": 1}, "sentence": 0, "start": 0}],
)  # fmt: skip
def test_a_press_on_what_is_not_there_is_one_sentence(screen: Screen, told: object) -> None:
    with pytest.raises(ViewboxError):
        screen.press(told)


def test_who_has_moved_on_meanwhile_sees_nothing_of_the_film_before(screen: Screen) -> None:
    class Turns(ToySpace):
        def embed_films(self, films: object) -> object:
            screen.session.put(case_of(bright("right"), "toy-2"), None)
            return super().embed_films(films)

    screen.actions._space._load = Turns
    assert screen.panel.answer not in screen.ask(f"{LEFT}\n{CLEAR}")


def test_the_script_asks_for_what_the_handler_reads() -> None:
    script = (Path(__file__).parents[3] / "interface" / "prompt_panel" / "on_load_words.js").read_text()
    assert "trigger('check_word', {sentences, sentence: Number(sentence), start: Number(start)})" in script
