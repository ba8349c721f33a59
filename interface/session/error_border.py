"""Where errors meet the reader: one sentence on screen, the traceback in the log."""

import functools
import inspect
import logging
from collections.abc import Callable
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


def stopping(
    remember: Callable[[str, gr.Request], None],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A page handler whose errors stop the chain of events that follows it.

    Args:
        remember: keeps the sentence for the `failure` event, which puts it on screen.
    """

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handler)
        def once(*args: Any) -> Any:
            try:
                return handler(*args)
            except Exception as exc:  # the border to the reader, as above
                told = sentence(exc)
                remember(told, next(a for a in args if isinstance(a, gr.Request)))
                raise gr.Error(told, visible=False, print_exception=False) from exc

        return once

    return decorate


def on_screen(
    show: Callable[[str], dict[Any, Any]], spoken: Callable[[gr.Request | None], Language] = lambda _: "en"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A page handler (function or generator) whose errors become what `show` makes of the sentence.

    Args:
        show: sentence -> component updates, such as the message area.
        spoken: the language of the reader who asks.
    """

    def told(error: Exception, args: tuple[Any, ...]) -> dict[Any, Any]:
        request = next((a for a in args if isinstance(a, gr.Request)), None)
        return show(translated(sentence(error), spoken(request)))

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(handler):

            @functools.wraps(handler)
            def steps(*args: Any, **kwargs: Any) -> Any:
                try:
                    yield from handler(*args, **kwargs)
                except Exception as exc:  # the border to the reader, as above
                    yield told(exc, args)

            return steps

        @functools.wraps(handler)
        def once(*args: Any, **kwargs: Any) -> Any:
            try:
                return handler(*args, **kwargs)
            except Exception as exc:  # the border to the reader, as above
                return told(exc, args)

        return once

    return decorate
