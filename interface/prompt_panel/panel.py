"""The panel "Ask in words": its layout, and what happens at a press. Nothing of it is loaded before."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

from cases.case import Case
from interface.html.fragments import alert
from interface.html.pictures import data_url
from interface.html.render import render
from interface.language.texts import Language, marker, say, translated
from interface.models.space_host import SpaceHost, film_of
from interface.session.lanes import QUIET, Lanes
from interface.session.session import Session, Sessions
from modeling.errors import ViewboxError
from modeling.model.film import brightness, resampled
from modeling.render.pictures import film_picture, veil
from modeling.study import Radiograph

if TYPE_CHECKING:
    from modeling.prompts.answer import PromptAnswer
    from modeling.prompts.word_maps import CheckedWord, WordMap

SIDE = 420
"""Longer side of the film in the panel, in pixels."""
_MAP_SIDE = 48
Updates = dict[Any, Any]


# --- layout


@dataclass(frozen=True)
class PromptPanel:
    """Where sentences are written, the answer, and the checks of a word's map.

    `answer` tells which of its words was pressed, `check_word`.
    """

    fold: gr.Accordion
    sentences: gr.Textbox
    ask: gr.Button
    answer: gr.HTML
    checked: gr.HTML

    @property
    def told(self) -> tuple[gr.HTML, ...]:
        """What is said of the film on screen, and goes with it."""
        return (self.answer, self.checked)


def prompt_panel() -> PromptPanel:
    """Lay out the panel, closed; the page puts it where it belongs."""
    script = Path(__file__).with_name("on_load_words.js").read_text(encoding="utf-8")
    with gr.Accordion(marker("prompts.title"), open=False, elem_id="vb-prompts", render=False) as fold:
        box = {"lines": 2, "max_lines": 5, "elem_id": "vb-prompts-text", "info": marker("prompts.hint")}
        sentences = gr.Textbox(
            label=marker("prompts.sentences"), placeholder=marker("prompts.example"), **box
        )
        ask = gr.Button(marker("prompts.ask"), variant="primary", size="sm", elem_id="vb-prompts-ask")
        answer = gr.HTML(elem_id="vb-prompts-answer", js_on_load=script)
        checked = gr.HTML(elem_id="vb-prompts-checked")
    return PromptPanel(fold, sentences, ask, answer, checked)


_LINKED = """() => {
  if (new URLSearchParams(location.search).get('ask')) window.viewboxOpen('vb-prompts');
}"""


def connect_prompts(
    panel: PromptPanel, space: SpaceHost, sessions: Sessions, lanes: Lanes, opened: Any
) -> None:
    """Register the events; `opened` is the one behind which the case of the reader's link is on screen."""
    actions = PromptActions(panel, space, sessions, lanes.message)
    asked = [panel.answer, panel.checked, panel.sentences, lanes.message]
    shown = {"show_progress": "full"}
    on = partial(lanes.short, **shown)
    on(panel.ask.click, actions.ask, [panel.sentences], asked, show_progress_on=[panel.answer])
    checked = [panel.checked, lanes.message]
    on(panel.answer.check_word, actions.check_word, None, checked, show_progress_on=[panel.checked])
    lanes.short(opened.then, actions.linked, None, [panel.fold, *asked]).then(None, js=_LINKED, **QUIET)


# --- handlers


class PromptActions:
    """Handlers of the panel; each returns component updates."""

    def __init__(self, panel: PromptPanel, space: SpaceHost, sessions: Sessions, message: gr.HTML) -> None:
        self._panel, self._space, self._sessions, self._message = panel, space, sessions, message

    def ask(self, text: str, request: gr.Request) -> Updates:
        """The film on screen between the sentences, one a line; an empty box asks the example in it.

        What is refused takes the last answer off, which was not about these sentences.
        """
        try:
            return self._asked(text, request)
        except ViewboxError as exc:
            told = translated(exc.sentence, self._sessions.language(request))
            return {self._panel.answer: "", self._panel.checked: "", self._message: alert(told)}

    def linked(self, request: gr.Request) -> Iterator[Updates]:
        """The sentences of the reader's link, asked of the film that it opened."""
        session = self._sessions.of(request.session_hash)
        text = session.wishes.link.ask
        if not text:
            yield {self._message: gr.skip()}
            return
        session.wish(link=replace(session.wishes.link, ask=""))
        yield {self._panel.fold: gr.Accordion(open=True), self._panel.sentences: text}
        yield self.ask(text, request)

    def _asked(self, text: str, request: gr.Request) -> Updates:
        session = self._sessions.of(request.session_hash)
        case, opened = _on_screen(session), session.version
        text = text if (text or "").strip() else say("prompts.example", session.language)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        film = film_of(case)
        if len(lines) == 1:
            raise ViewboxError("This is one line: write two to five sentences, each on a line of its own.")
        answer = self._space.ask(film, lines, synthetic=case.provenance.synthetic)
        maps = self._space.word_maps(film, answer.sentences)
        if session.version != opened:  # the reader has moved on meanwhile
            return {self._message: gr.skip()}
        shown = film if case.licence.may_show else None
        panel = answer_panel(answer, maps, shown, session.language)
        told = {self._panel.answer: panel, self._panel.checked: "", self._message: alert("")}
        return {**told, self._panel.sentences: "\n".join(lines)}

    def check_word(self, event: gr.EventData, request: gr.Request) -> Updates:
        """The map of the word that was pressed, held to the checks that every map is held to."""
        session, told = self._sessions.of(request.session_hash), event._data
        told = told if isinstance(told, Mapping) else {}
        case, opened = _on_screen(session), session.version
        place = (told.get("sentences"), told.get("sentence"), told.get("start"))
        found = self._space.check_word(case, *place)
        if session.version != opened:
            return {self._message: gr.skip()}
        return {self._panel.checked: checked_panel(found, session.language), self._message: alert("")}


def _on_screen(session: Session) -> Case | None:
    """The case on screen with its study as it is now."""
    if session.case is None or session.study is None:
        return None
    return replace(session.case, study=session.study)


# --- as markup


def answer_panel(
    answer: "PromptAnswer",
    maps: "Sequence[Sequence[WordMap]]",
    film: Radiograph | None,
    language: Language,
) -> Markup:
    """Shares beside the film, on which a word's map lies while it is pointed at.

    Args:
        maps: of each sentence; film: None where it may not be shown, and no map is then.
    """
    scale = max((float(one.values.max()) for row in maps for one in row), default=0.0)

    def drawn(one: "WordMap") -> str:
        height, width = one.values.shape
        ratio = min(1.0, _MAP_SIDE / max(height, width))
        small = resampled(one.values, (max(1, round(height * ratio)), max(1, round(width * ratio))))
        return data_url(veil(small, scale), exact=True)

    rows = [
        {"share": share, "pieces": _pieces(sentence, row, drawn if film is not None else lambda _: "")}
        for sentence, share, row in zip(answer.sentences, answer.probabilities, maps, strict=True)
    ]
    return render(
        "prompt_panel/answer.html",
        language=language,
        answer=answer,
        rows=rows,
        asked=json.dumps(answer.sentences, ensure_ascii=False),
        film="" if film is None else data_url(film_picture(brightness(film), SIDE)),
    )


def _pieces(sentence: str, maps: "Sequence[WordMap]", drawn: Any) -> list[tuple[str, int, str]]:
    """A sentence in pieces: words with their start and map, and with -1 what lies between."""
    pieces, done = [], 0
    for one in sorted(maps, key=lambda one: one.start):
        if one.start > done:
            pieces.append((sentence[done : one.start], -1, ""))
        pieces.append((sentence[one.start : one.end], one.start, drawn(one)))
        done = one.end
    return [*pieces, (sentence[done:], -1, "")] if done < len(sentence) else pieces


def checked_panel(found: "CheckedWord", language: Language) -> Markup:
    """The verdict on a word's map, and each check."""
    return render("prompt_panel/checked.html", language=language, found=found)
