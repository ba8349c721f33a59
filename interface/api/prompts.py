"""Named endpoints that ask in words: a film between sentences, and search by words or by a film."""

import time

import gradio as gr

from cases.case import Case
from interface.api.cases import Api
from interface.api.tool_calls import for_api
from interface.models.space_host import SpaceHost, film_of
from interface.reports_tab.word_search import WordSearch, found_json
from modeling.answers import Json
from modeling.errors import ViewboxError

LONGEST_WAIT = 300.0
"""Seconds that a caller waits at most until all cases can be searched."""
MOST_FOUND = 100


class PromptsApi:
    """The endpoints; they keep nothing of what was asked."""

    def __init__(self, api: Api, space: SpaceHost, search: WordSearch) -> None:
        self._api, self._space, self._search = api, space, search

    def publish(self) -> None:
        """Register both; a film between sentences is short work."""
        for work, lane, at_once in ((self.ask_in_words, "short", 1), (self.search_in_words, "reports", 4)):
            gr.api(for_api(work), api_name=work.__name__, concurrency_limit=at_once, concurrency_id=lane)

    def ask_in_words(
        self, sentences: list[str], case_id: str = "", word: str = "", film: str = "", name: str = ""
    ) -> Json:
        """A film's place between two to five sentences, and how much other wordings and a denial move it."""
        if not isinstance(sentences, list):
            raise ViewboxError("Give the sentences as a list of texts.")
        case = self._api.film_case(case_id, film, name)
        found = self._space.ask(film_of(case), sentences, synthetic=case.provenance.synthetic)
        answer = found.as_json()
        return answer | ({"word": self._word(case, found.sentences, word)} if word else {})

    def _word(self, case: Case, sentences: tuple[str, ...], word: object) -> Json:
        """The map of the first word of that name, with every check of it."""
        from modeling.prompts.word_maps import named_word  # torch: not before it is needed

        place = named_word(self._space.word_maps(film_of(case), sentences), word)
        return self._space.check_word(case, sentences, *place).as_json()

    def search_in_words(
        self, sentence: str = "", case_id: str = "", k: int = 5, film: str = "", name: str = ""
    ) -> Json:
        """Stored films that fit a sentence, and stored reports that fit a film."""
        if type(k) is not int or not 1 <= k <= MOST_FOUND:
            raise ViewboxError("Ask for 1 to {most} cases.", most=MOST_FOUND)
        case = self._api.film_case(case_id, film, name) if case_id or film else None
        words = self._search.checked(sentence)
        self._wait()
        return {"not_for_diagnosis": True, **found_json(self._search.find(words, case, k))}

    def _wait(self) -> None:
        end, progress = time.monotonic() + LONGEST_WAIT, gr.Progress()
        for state in self._search.steps():
            progress((state.done, state.total or None), desc="Reading the cases", unit="cases")
            if time.monotonic() > end:
                return
