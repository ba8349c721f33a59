"""A teacher's own words on a case: stored, listed, imported from columns; absent where nobody wrote any."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from cases.document import case_from_document, document_from_case, summary_from_document
from cases.importers.nih import rows as nih_rows
from cases.importers.rows import ImportSettings, Row
from cases.importers.tables import teaching_words
from cases.parquet.files import read_rows
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from interface.html.fragments import case_list
from tests.doubles.example_cases import small_case, study_case

TITLE = {"en": "Quiet film, loud blood tests", "zh-Hant": "影像平靜，抽血異常"}
NOTE = {"en": "Ask what the answer rests on.", "zh-Hant": "請問答案依據什麼。"}


def titled(case_id: str = "a-1"):
    from dataclasses import replace

    return replace(small_case(case_id), title=TITLE, teaching_note=NOTE)


def test_words_come_back_from_a_document_and_stand_in_the_list_row() -> None:
    document = document_from_case(titled())
    case = case_from_document(document)
    assert case.title == TITLE and case.teaching_note == NOTE
    assert summary_from_document(document).title == TITLE


def test_a_case_without_words_is_stored_as_it_was_before_there_were_any() -> None:
    assert not {"title", "teaching_note"} & document_from_case(small_case("a-1")).keys()


def test_a_folder_lists_titles_without_opening_a_film(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(titled("a-1"))
        store.put(small_case("a-2"))
    rows = EmbeddedCaseStore.open(str(tmp_path)).page(CaseFilter()).rows
    assert [row.title for row in rows] == [TITLE, {}]


def test_a_file_from_before_there_were_titles_is_read(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(small_case("a-1"))
    shard = next(tmp_path.glob("*.parquet"))
    parquet.write_table(parquet.read_table(shard).drop_columns(["title"]), shard)
    assert EmbeddedCaseStore.open(str(tmp_path)).page(CaseFilter()).rows[0].title == {}
    assert "title" not in read_rows(shard, ("case_id", "title"))[0]


def test_a_list_row_tells_how_many_films_a_study_holds_and_an_older_file_is_read(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(study_case("a-1", films=4))
        store.put(small_case("a-2"))
    page = EmbeddedCaseStore.open(str(tmp_path)).page(CaseFilter())
    assert [row.films for row in page.rows] == [4, 1]
    listed = str(case_list(page, 1, 2, "", "en"))
    assert listed.count("4 films") == 1 and "1 films" not in listed
    shard = next(tmp_path.glob("*.parquet"))
    parquet.write_table(parquet.read_table(shard).drop_columns(["further_films"]), shard)
    assert [row.films for row in EmbeddedCaseStore.open(str(tmp_path)).page(CaseFilter()).rows] == [1, 1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"title": "A", "teaching_note": "B"}, {"title": {"en": "A"}, "teaching_note": {"en": "B"}}),
        ({"title_zh-Hant": "甲", "title": " "}, {"title": {"zh-Hant": "甲"}, "teaching_note": {}}),
        ({"titles": "no", "subtitle": "no"}, {"title": {}, "teaching_note": {}}),
    ],
)
def test_columns_of_a_table_become_words(line: dict[str, str], expected: dict[str, dict[str, str]]) -> None:
    assert teaching_words(line) == expected


def test_an_import_takes_a_teachers_columns_along(tmp_path: Path) -> None:
    film = io.BytesIO()
    Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)).save(film, "PNG")
    line = {"image_id": "1.png", "patient_id": 1, "image": film.getvalue(), "findings": "No Finding"}
    table = pa.Table.from_pylist([line | {"title": "Clear?", "title_zh-Hant": "乾淨嗎？"}])
    parquet.write_table(table, tmp_path / "set.parquet")
    (row,) = nih_rows(str(tmp_path / "set.parquet"), ImportSettings())
    assert isinstance(row, Row) and row.title == {"en": "Clear?", "zh-Hant": "乾淨嗎？"}
    untitled = tmp_path / "untitled.parquet"
    parquet.write_table(pa.Table.from_pylist([line]), untitled)
    (plain,) = nih_rows(str(untitled), ImportSettings())
    assert "title" not in plain.facts() and "title" in row.facts()
