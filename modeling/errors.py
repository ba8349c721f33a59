"""Errors that may be shown to a reader: one sentence that says what to do next.

Anything that is not a `ViewboxError` is our own slip and is never shown as it is.
"""

from typing import Any

from modeling.sentence import Sentence


class ViewboxError(Exception):
    """A refusal: what went wrong and what to do next, in one sentence a reader can act on.

    `ViewboxError("The file has {size} MB; choose a smaller one.", size=91)`; its `str()` is the English
    sentence, and `interface.language` words the template and values of `sentence` in the reader's language.
    """

    def __init__(self, template: str, /, **values: Any) -> None:
        self.sentence = Sentence(template, **values)
        super().__init__(self.sentence)


class StudyError(ViewboxError):
    """The radiograph, clinical table or clinical text cannot be used as given."""


class CheckpointError(ViewboxError):
    """A checkpoint cannot be found, is incomplete, or is not what it says it is."""


class CaseStoreError(ViewboxError):
    """The case store cannot be reached, refuses, or holds a broken document."""


class CaseNotFoundError(CaseStoreError):
    """No case has this ID."""


class ExplanationCancelled(ViewboxError):
    """The reader stopped an explanation before it was finished."""
