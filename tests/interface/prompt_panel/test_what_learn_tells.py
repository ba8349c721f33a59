"""The counts that Learn's entry on asking in words tells are those of the films that ship."""

import re

import pytest

from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from hub_config.settings import SPACE_CHECKPOINT
from interface.language.texts import say
from modeling.labels import GRADING
from modeling.model.shared_space import SharedSpace
from modeling.prompts.answer import ask_in_words

CLEAR, SEVERE = "The lungs are clear.", "Severe airspace disease."


@pytest.mark.slow
def test_the_counts_are_those_of_the_films_that_ship(monkeypatch):
    space = SharedSpace.from_pretrained(SPACE_CHECKPOINT)
    embed, known = space.embed_texts, {}

    def once(texts):  # every film is asked in the same words
        if tuple(texts) not in known:
            known[tuple(texts)] = embed(texts)
        return known[tuple(texts)]

    monkeypatch.setattr(space, "embed_texts", once)
    store = EmbeddedCaseStore.open()
    cases = [store.get(row.case_id) for row in store.page(CaseFilter(), None, 1000).rows]
    found = {
        case.case_id: (case, ask_in_words(space, case.study.radiograph, [CLEAR, SEVERE]))
        for case in cases
        if case.study.radiograph is not None
    }
    severe = [a for c, a in found.values() if c.provenance.synthetic and c.reference.get(GRADING) == "Severe"]
    _, best = found["phantom-000000004e2f"]
    _, vain = found["phantom-000000004e39"]
    told = [
        f"{best.probabilities[1]:.0%}",
        f"{best.wording.low:.0%}".rstrip("%"),
        f"{best.wording.high:.0%}",
        f"{sum(one.winner == 1 for one in severe)}",
        f"{len(severe)}",
        f"{vain.probabilities[0]:.0%}",
        f"{sum(answer.wording.kept < 1 for _, answer in found.values())}",
        f"{len(found)}",
        f"{sum(answer.denial.understood for _, answer in found.values())}",
    ]
    assert best.wording.kept == vain.wording.kept == 1.0
    for language in ("en", "zh-Hant"):
        numbers = re.findall(r"\d+", say("learn.prompts.text", language))
        assert all(one.rstrip("%") in numbers for one in told), (told, numbers)
