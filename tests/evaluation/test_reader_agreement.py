"""The readers' agreement, by hand and as published."""

from pathlib import Path

import pytest

from evaluation.reader_agreement import READINGS_FILE, reader_agreement
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING

HEAD = "StudyInstanceUID,Reader_id,CLASS_label,GRADE_label\n"


def write(folder: Path, rows: str) -> Path:
    path = folder / "readings.csv"
    path.write_text(HEAD + rows)
    return path


def test_agreement_by_hand(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "1,a,Typical,Mild\n1,b,Typical,Severe\n1,c,Atypical,\n"  # pairs: 1 of 3; majority 2 of 3
        "2,a,Negative,\n2,b,Negative,\n2,c,Negative,\n"  # pairs: 3 of 3; majority 3 of 3
        "3,a,Typical,Mild\n3,b,Atypical,Mild\n"  # pairs: 0 of 1; a tie counts one side
        "3,a,Typical,Mild\n",  # a reader's second row counts for the majority only
    )
    found = reader_agreement(path)[APPEARANCE]
    assert (found.studies, found.readings) == (3, 9)
    assert found.pairs == pytest.approx(4 / 7)
    assert found.majority == pytest.approx((2 + 3 + 2) / 9)
    # of study 1 only c has two others who agree, of study 2 everyone
    assert found.others == pytest.approx(3 / 4)
    grading = reader_agreement(path)[GRADING]
    assert (grading.studies, grading.pairs) == (2, pytest.approx(1 / 2))


def test_ricords_readers_agree_as_published(data_root: Path) -> None:
    found = reader_agreement(data_root / READINGS_FILE)
    appearance, grading = found[APPEARANCE], found[GRADING]
    assert appearance.studies == 981
    assert [round(100 * a.pairs) for a in (appearance, grading)] == [51, 59]
    assert [round(100 * a.majority) for a in (appearance, grading)] == [76, 80]
    assert appearance.others < appearance.majority  # without the own vote it is harder
    assert 0 < appearance.kappa < grading.kappa < 1


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ViewboxError, match="no file readings"):
        reader_agreement(tmp_path / "readings.csv")
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ViewboxError, match="no column"):
        reader_agreement(path)
