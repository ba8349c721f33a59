"""Where errors meet the reader: one sentence on screen, the traceback in the log."""

import functools
import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import gradio as gr

from interface.language.texts import Language, translated
from modeling.errors import ViewboxError
from modeling.sentence import Sentence

logger = logging.getLogger(__name__)

OUR_SIDE = Sentence("Something went wrong on our side; try again, or open another case.")


def sentence(error: Exception) -> Sentence:
    """What a reader is told: a `ViewboxError` in its own words, anything else in ours, with a log entry."""
    if isinstance(error, ViewboxError):
        return error.sentence
    logger.error("unexpected %s", type(error).__name__, exc_info=error)
    return OUR_SIDE


def on_screen(
    handler: Callable[..., Any],
    show: Callable[[str], dict[Any, Any]],
    spoken: Callable[[gr.Request | None], Language] = lambda _: "en",
    around: Callable[[gr.Request | None], AbstractContextManager[None]] = nullcontext,
) -> Callable[..., Any]:
    """A page handler (function or generator) whose errors become what `show` makes of the sentence.

    Args:
        show: sentence -> component updates, such as the message area.
        spoken: the language of the reader who asks.
        around: entered while the handler runs, for the request it was called with.
    """

    def asked(args: tuple[Any, ...]) -> gr.Request | None:
        return next((a for a in args if isinstance(a, gr.Request)), None)

    def refusal(error: Exception, args: tuple[Any, ...]) -> dict[Any, Any]:
        return show(translated(sentence(error), spoken(asked(args))))

    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def steps(*args: Any, **kwargs: Any) -> Any:
            try:
                with around(asked(args)):
                    yield from handler(*args, **kwargs)
            except Exception as exc:  # the border to the reader, as above
                yield refusal(exc, args)

        return steps

    @functools.wraps(handler)
    def once(*args: Any, **kwargs: Any) -> Any:
        try:
            with around(asked(args)):
                return handler(*args, **kwargs)
        except Exception as exc:  # the border to the reader, as above
            return refusal(exc, args)

    return once
