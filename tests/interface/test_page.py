"""The page as gradio registers it: how many events there are, and that the chain of model work hangs once."""

from collections import Counter

import gradio as gr
from gradio.state_holder import SessionState

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


def test_the_page_has_at_most_109_events_and_one_chain_of_model_work():
    """Four of them are for studies of several films: read, compare, and two endpoints.

    Five ask in words: the sentences, one of their words, the search, and two endpoints.
    """
    found = handlers()
    assert found.total() <= 109
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
