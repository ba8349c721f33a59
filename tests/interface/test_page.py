"""The page as gradio registers it: how many events there are, and that the chain of model work hangs once."""

import json
import re
from collections import Counter

import gradio as gr
from gradio.state_holder import SessionState

from interface.language.texts import CATALOGUES, translations
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.page import build_page


def page_of_five() -> gr.Blocks:
    hosts = [ModelHost(lambda: None, f"checkpoint {n}") for n in range(5)]
    return build_page(Checkpoints(hosts), StoreHost(lambda: None))


def handlers() -> Counter[str]:
    """Every event by the name of its handler, on a page of five checkpoints."""
    page = page_of_five()
    assert len(page.fns) == len(page.config["dependencies"])
    return Counter(getattr(event.fn, "__name__", "") for event in page.fns.values())


def test_the_page_has_at_most_111_events_and_one_chain_of_model_work():
    """Four of them are for studies of several films: read, compare, and two endpoints.

    Seven ask in words: the sentences, one of their words, what a link asks and the way there, the search, and
    two endpoints.
    """
    found = handlers()
    assert found.total() <= 111
    chain = ("settle", "wait", "put_linked")
    assert [found[name] for name in chain] == [1, 1, 1]
    # `predict`, `explain` and `examine` are endpoints too; the quiz explains after each of its two answers.
    # A map that the reader switches to is examined too.
    assert (found["predict"], found["explain"], found["examine"]) == (2, 4, 3)


def test_every_button_of_the_page_has_words_of_its_own():
    buttons = [part for part in page_of_five().blocks.values() if isinstance(part, gr.Button)]
    assert buttons and [one.elem_id for one in buttons if one.value in (None, "", "Run")] == []


def test_a_session_holds_no_description_of_the_page():
    """Gradio would make one of each component for every session that comes."""
    page = page_of_five()
    session = SessionState(page)
    assert not any(session.config_values.values()) and session.blocks_config.fns == page.fns
    part = next(part for part in page.blocks.values() if isinstance(part, gr.HTML))
    session[part._id] = part  # what an update of a component does
    assert session[part._id] is part and not session.config_values[part._id]
    assert len(page.get_config_file()["components"]) == len(page.blocks)


def test_what_shows_no_progress_tells_the_message_alone_how_it_stands():
    """Gradio's page copies all properties of each component that it tells, at every step of every event."""
    page = page_of_five()
    message = next(part._id for part in page.blocks.values() if part.elem_id == "vb-message")
    events = [one for one in page.config["dependencies"] if one["targets"] and one["outputs"]]
    told = [one["show_progress_on"] or one["outputs"] for one in events if one["show_progress"] == "hidden"]
    assert len(told) > 50 and all(one == [message] for one in told)


def test_browsers_get_no_component_of_the_api_and_callers_get_all():
    config = page_of_five().get_config_file()
    api = {one["id"] for one in config["components"] if one["type"] == "api"}
    shown = config["page"][""]
    assert len(api) > 50 and len(config["components"]) - len(api) == len(shown["components"])
    assert api.isdisjoint(one["id"] for one in shown["layout"]["children"])
    assert len(shown["dependencies"]) == len(config["dependencies"])  # "Use via API" lists them


def test_the_page_carries_the_words_of_its_labels_in_every_language_and_no_others():
    config = json.dumps(page_of_five().get_config_file()["components"], default=str)
    marked = set(re.findall(r'\\"translation_metadata\\", \\"key\\": \\"([\w.\-]+)\\"', config))
    carried = translations().translations_dict
    assert set(carried) == {one.tag for one in CATALOGUES.values()}
    assert len(marked) > 50 and all(marked <= set(words) for words in carried.values())
    assert len(carried["en"]) < len(CATALOGUES["en"].strings) / 3
