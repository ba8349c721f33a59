"""The real cases that ship: whose they are, what they say, and that nothing else can slip in."""

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from cases.case import Case
from cases.document import document_from_case
from cases.importers.chosen import NOTICE, chosen_documents, notice, read_list, store_chosen
from cases.parquet.store import DEFAULT_FOLDER, EmbeddedCaseStore
from cases.store import CaseFilter
from modeling.errors import CaseStoreError
from training.corpora.published_films import NIH_SHOWN

LANGUAGES = {"en", "zh-Hant"}


@pytest.fixture(scope="module")
def shipped() -> list[Case]:
    store = EmbeddedCaseStore.open()
    rows = store.page(CaseFilter(), None, 1000).rows
    return [store.get(row.case_id) for row in rows if not row.synthetic]


def test_real_cases_stand_before_the_synthetic_ones(shipped: list[Case]) -> None:
    rows = EmbeddedCaseStore.open().page(CaseFilter(), None, 1000).rows
    assert 24 <= len(shipped) <= 32
    assert [row.synthetic for row in rows] == [False] * len(shipped) + [True] * (len(rows) - len(shipped))


def test_each_may_be_shown_and_passed_on_and_says_whose_it_is(shipped: list[Case]) -> None:
    text = (DEFAULT_FOLDER / NOTICE).read_text()
    for case in shipped:
        assert case.licence.may_show and case.licence.may_export
        assert case.licence.name.startswith(("CC BY 3.0", "CC BY 4.0", "NIH ChestX-ray14"))
        assert case.provenance.attribution in text and f"`{case.case_id}`" in text
    assert notice([document_from_case(case) for case in shipped]) == text


def test_each_has_a_title_and_a_note_in_every_language(shipped: list[Case]) -> None:
    for case in shipped:
        for words in (case.title, case.teaching_note):
            assert set(words) == LANGUAGES and all(words.values()), case.case_id
    assert len({case.title["en"] for case in shipped}) == len(shipped)


def test_no_bundled_checkpoint_learnt_from_their_patients(shipped: list[Case], root: Path) -> None:
    learnt = set()
    for split in (root / "hub_config" / "checkpoints").glob("*/split.csv"):
        with split.open(newline="") as file:
            learnt |= {row["patient"] for row in csv.DictReader(file) if row["split"] == "train"}
    assert learnt and not learnt & {case.provenance.patient for case in shipped}


def test_training_leaves_out_the_patients_of_nih_that_are_shown(shipped: list[Case]) -> None:
    assert {c.provenance.patient for c in shipped if c.provenance.source == "nih"} == NIH_SHOWN


def film() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((np.arange(96 * 96) % 251).astype(np.uint8).reshape(96, 96)).save(buffer, "PNG")
    return buffer.getvalue()


def cohen_table(folder: Path, licence: str) -> None:
    plain = {"patientid": "7", "view": "PA", "modality": "X-ray", "url": "http://here", "image": film()}
    line = plain | {"filename": "a.png", "license": licence, "clinical_notes": None}
    parquet.write_table(pa.Table.from_pylist([line]), folder / "cohen.parquet")


CHOSEN = [{"set": "covid-chestxray", "film": "a.png", "title": {"en": "T"}, "teaching_note": {"en": "N"}}]


def test_a_chosen_film_becomes_a_case_of_the_page(tmp_path: Path) -> None:
    cohen_table(tmp_path, "CC BY 4.0")
    (document,) = chosen_documents(CHOSEN, tmp_path)
    assert document["ID"] == "case-01" and document["title"] == {"en": "T"}
    assert "film a.png" in document["provenance"]["attribution"] and document["film"]["bytes"] == film()


def test_the_chosen_films_are_stored_with_their_notice(tmp_path: Path) -> None:
    cohen_table(tmp_path, "CC BY 4.0")
    store_chosen(CHOSEN, tmp_path, tmp_path / "store")
    case = EmbeddedCaseStore.open(str(tmp_path / "store")).get("case-01")
    assert case.title == {"en": "T"} and case.provenance.patient == "cohen-7"
    assert notice([document_from_case(case)]) == (tmp_path / "store" / NOTICE).read_text()


def test_a_licence_that_forbids_passing_on_keeps_a_film_out(tmp_path: Path) -> None:
    cohen_table(tmp_path, "CC BY-NC-ND 4.0")
    with pytest.raises(CaseStoreError, match="does not let it be passed on"):
        list(chosen_documents(CHOSEN, tmp_path))


def test_a_film_that_is_not_there_is_named(tmp_path: Path) -> None:
    cohen_table(tmp_path, "CC BY 4.0")
    with pytest.raises(CaseStoreError, match=r"no film 'b\.png'"):
        list(chosen_documents([CHOSEN[0] | {"film": "b.png"}], tmp_path))


def test_a_wrong_list_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for text in ("[", "[{}]", '[{"set": "mars", "film": "x"}]'):
        (tmp_path / "list.json").write_text(text)
        with pytest.raises(CaseStoreError, match="no list of chosen films"):
            read_list(tmp_path / "list.json")


def test_the_list_that_ships_is_the_store_that_ships(shipped: list[Case]) -> None:
    chosen = read_list()
    assert [case.title for case in shipped] == [entry["title"] for entry in chosen]
    for case, entry in zip(shipped, chosen, strict=True):
        assert f"film {entry['film']}," in case.provenance.attribution
