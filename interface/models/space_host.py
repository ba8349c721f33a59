"""The space that films and sentences share: loaded when a reader first asks in words, and not before."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from cases.case import Case
from cases.store import CaseFilter
from interface.models.checkpoints import Checkpoints
from interface.models.stores import FRONT, StoreHost
from modeling.errors import CheckpointError, StudyError
from modeling.study import Radiograph

if TYPE_CHECKING:
    from modeling.model.shared_space import SharedSpace
    from modeling.prompts.answer import PromptAnswer
    from modeling.prompts.word_maps import CheckedWord, WordMap


class SpaceHost:
    """One space; its work runs one after another, and long work of the checkpoints holds still meanwhile."""

    def __init__(
        self, load: "Callable[[], SharedSpace] | None", models: Checkpoints, stores: StoreHost
    ) -> None:
        """`load` gives the space and may take seconds; None where none is here."""
        self._load, self._models, self._stores = load, models, stores
        self._lock = threading.Lock()
        self._space: SharedSpace | None = None

    @contextmanager
    def working(self) -> "Iterator[SharedSpace]":
        """The loaded space, for a moment; raises `CheckpointError` where there is none or it is damaged."""
        with ExitStack() as held:
            for host in self._models.hosts:
                held.enter_context(host.gateway.short())
            held.enter_context(self._lock)
            if self._space is None:
                if self._load is None:
                    none_here = "No model that reads sentences is here; install Viewbox anew with it."
                    raise CheckpointError(none_here)
                self._space = self._load()
            yield self._space

    def ask(self, film: Radiograph, sentences: Sequence[str], *, synthetic: bool) -> "PromptAnswer":
        """See `modeling.prompts.answer.ask_in_words`."""
        from modeling.prompts.answer import ask_in_words  # torch: not before it is needed

        with self.working() as space:
            return ask_in_words(space, film, sentences, synthetic=synthetic)

    def word_maps(self, film: Radiograph, sentences: Sequence[str]) -> "list[tuple[WordMap, ...]]":
        """Of each sentence its words' maps."""
        from modeling.prompts.word_maps import word_maps

        with self.working() as space:
            return [word_maps(space, film, one) for one in sentences]

    def check_word(self, case: Case, sentences: object, number: object, start: object) -> "CheckedWord":
        """A word's map with its checks, against another film of the store; the sentences are checked anew.

        Raises ViewboxError: there is no such word, or the store has no other film.
        """
        from modeling.prompts.sentences import checked
        from modeling.prompts.word_maps import checked_word

        place = tuple(one if type(one) is int else -1 for one in (number, start))
        film, other = film_of(case), self._other_film(case)
        with self.working() as space:
            return checked_word(space, film, checked(sentences, space.unknown_words), *place, other)

    def _other_film(self, case: Case) -> Radiograph:
        """The first other case's, of the same kind (computed or a patient's) where there is one."""
        found: Radiograph | None = None
        store = self._stores.store
        for row in store.page(CaseFilter(), None, FRONT).rows:
            if row.case_id == case.case_id:
                continue
            other = store.get(row.case_id)
            if other.study.radiograph is None:
                continue
            found = other.study.radiograph
            if other.provenance.synthetic == case.provenance.synthetic:
                return found
        if found is None:
            raise StudyError("A word's map is compared with another film; the store has no other one.")
        return found


def film_of(case: Case | None) -> Radiograph:
    """A case's film; raises `StudyError` where there is none."""
    if case is None or case.study.radiograph is None:
        raise StudyError("There is no film here to ask of; open a case that has one.")
    return case.study.radiograph
