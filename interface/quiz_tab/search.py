"""While the films of a quiz are found: what the reader is told, and what comes of it."""

import time
from collections.abc import Generator, Iterator
from typing import Any

import gradio as gr

from cases.phantom.study_plan import STUDY_TASKS
from interface.html.fragments import note
from interface.language.texts import Language, say
from interface.models.checkpoints import Checkpoints
from interface.quiz_tab.pool import NOT_READY, QuizPool
from interface.quiz_tab.rules import Candidate, topic_of
from interface.quiz_tab.studies import study_candidates
from interface.quiz_tab.tab import QuizPanel
from modeling.errors import ViewboxError
from modeling.sentence import Sentence

PATIENCE = 180.0
"""Seconds that a reader waits for the films to be chosen."""
_POLL = 0.4
NO_CASES = Sentence("No case here has both a film that may be shown and a reference; open another store.")
Updates = dict[Any, Any]


def candidates_for(
    code: str, pool: QuizPool, models: Checkpoints, panel: QuizPanel, language: Language
) -> Generator[Updates, None, tuple[Candidate, ...]]:
    """Tell how the search goes until it is over; gives what it found. Sets of studies need no search.

    Raises:
        ViewboxError: it takes too long, failed, or found nothing.
    """
    if topic_of(code) in STUDY_TASKS:
        return study_candidates()
    start = {panel.status: "", panel.begin: gr.Button(interactive=True)}
    try:
        for told in _until_found(pool, models, language):
            yield {panel.status: note(told, "vb-running"), panel.begin: gr.Button(interactive=False)}
    except ViewboxError:
        yield start
        raise
    if not pool.state.candidates:
        yield start
        raise ViewboxError(pool.state.fault or NO_CASES)
    return pool.state.candidates


def _until_found(pool: QuizPool, models: Checkpoints, language: Language) -> Iterator[str]:
    pool.start(awaited=True)
    end, told = time.monotonic() + PATIENCE, ""
    while (state := pool.state).candidates is None and not state.fault:
        if time.monotonic() > end:
            raise ViewboxError(NOT_READY)
        if not models.settled and not state.done:
            now = say("quiz.waiting", language)
        else:
            now = say("quiz.choosing", language, done=state.done, total=state.total)
        if now != told:
            yield (told := now)
        time.sleep(_POLL)
