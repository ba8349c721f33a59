"""The bundled shared space: small, says what it is for, and holds on phantoms that nobody trained on."""

import numpy as np
import pytest
import torch

from evaluation.space.recall import ranks
from hub_config.settings import SPACE_CHECKPOINT
from modeling.model.shared_space import SharedSpace
from modeling.prompts.answer import ask_in_words
from training.space.corpus import SpaceRow, space_rows

COUNT = 14


@pytest.fixture(scope="module")
def space() -> SharedSpace:
    return SharedSpace.from_pretrained(SPACE_CHECKPOINT)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list[SpaceRow]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("training.space.corpus._AT_ONCE", COUNT)
        return space_rows(tmp_path_factory.mktemp("phantoms"), COUNT, 7990, 128)


def test_it_is_small_and_says_what_it_is_for() -> None:
    assert sum(file.stat().st_size for file in SPACE_CHECKPOINT.iterdir()) <= 5 * 2**20
    assert "says nothing about patients" in (SPACE_CHECKPOINT / "README.md").read_text()


@pytest.mark.parametrize("language", ["en", "zh-Hant"])
def test_films_find_their_reports(space, rows, language) -> None:
    squares = torch.from_numpy(np.stack([row.film for row in rows])).float() / 255
    reports = [row.report(language)[0] for row in rows]
    assert not any(space.unknown_words(one) for one in reports)
    likeness = (space.embed_squares(squares) @ space.embed_texts(reports).T).numpy()
    assert np.median(ranks(likeness, np.eye(COUNT, dtype=bool))) <= 1


def test_sentences_tell_films_with_opacities_from_clear_ones(space, rows) -> None:
    squares = torch.from_numpy(np.stack([row.film for row in rows])).float() / 255
    texts = space.embed_texts(["The lungs are clear.", "Bilateral opacities."])
    more = space.embed_squares(squares) @ (texts[1] - texts[0])
    two_sides = torch.tensor(["two sides" in row.facts for row in rows])
    clear = torch.tensor(["no opacity" in row.facts for row in rows])
    assert more[two_sides].median() > more[clear].max()


def test_prompts_and_word_maps_answer(space, rows) -> None:
    from modeling.study import Radiograph

    film = Radiograph(rows[0].film)
    found = ask_in_words(space, film, ["The lungs are clear.", "Bilateral opacities."])
    assert found.wording.count >= 4
    maps = space.word_region(film, "Consolidation of the right base.")
    assert all(np.isfinite(one.places).all() and one.places.shape == (128, 128) for one in maps)
