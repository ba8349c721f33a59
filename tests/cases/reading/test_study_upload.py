"""Several files as one study: views and days, the film that is left out, and what makes films no study."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from cases.reading.decoder import FilmDecoder
from cases.reading.study_upload import GivenFilm, ReadStudy, given_films, study_of_films
from cases.reading.upload import read_upload
from modeling.errors import StudyError
from modeling.study import ViewPosition
from tests.cases.reading.test_dicom import film as dicom


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4096, (64, 80)).astype(np.uint16)


def png(seed: int, side: int = 80) -> bytes:
    stream = io.BytesIO()
    gray = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(gray).save(stream, "PNG")
    return stream.getvalue()


def taken(seed: int, day: str = "", **tags: object) -> bytes:
    return dicom(pixels(seed), AcquisitionDate=day or None, **tags)


def reader(data: bytes) -> Callable:
    return lambda: read_upload(data)


def study(*files: bytes, views: object = None, days: object = None, **more: object) -> ReadStudy:
    names = [f"{number}.dcm" for number in range(1, len(files) + 1)]
    return study_of_films(given_films([reader(data) for data in files], names, views, days), **more)


def refused(*files: bytes, **said: object) -> str:
    with pytest.raises(StudyError) as caught:
        study(*files, **said)
    assert str(caught.value).count(".") == 1 and str(caught.value).endswith(".")
    return str(caught.value)


def test_views_and_days_come_from_the_files_and_the_latest_is_the_studys_day() -> None:
    found = study(
        taken(1, "20240105", ViewPosition="PA", PatientID="A", StudyInstanceUID="1.2"),
        taken(2, ViewPosition="LL", PatientID="A", StudyInstanceUID="1.2"),
        taken(3, "20231206", ViewPosition="PA", PatientID="A", StudyInstanceUID="1.1"),
        taken(4, ViewPosition="PA"),
    )
    assert [film.days_before for film in found.films] == [0, 0, 30, 0], "the second's study has a day"
    views = [film.radiograph.view_position for film in found.films]
    assert views == [ViewPosition.PA, ViewPosition.LATERAL, ViewPosition.PA, ViewPosition.PA]
    notes = [" ".join(film.radiograph.notes) for film in found.films]
    assert "states no day" in notes[3] and not any("states no day" in note for note in notes[:3])
    assert [film.name for film in found.films] == ["1.dcm", "2.dcm", "3.dcm", "4.dcm"]
    assert found.study.table.values == {"view_position": "PA"} and found.study.radiograph is None


def test_what_the_sender_says_counts_before_what_the_file_says() -> None:
    files = taken(1, "20240105", ViewPosition="PA"), taken(2, "20231206", ViewPosition="PA"), png(3)
    found = study(
        *files, views=["", "Lateral", "ap"], days=[0, None, 7], table={"age": 50}, text={"indication": " x "}
    )
    assert [film.days_before for film in found.films] == [0, 30, 7]
    assert [str(film.radiograph.view_position) for film in found.films] == ["PA", "lateral", "AP"]
    assert found.study.table.values["age"] == 50 and found.study.text.sections == {"indication": "x"}
    plain = study(png(1), png(2))
    assert [film.days_before for film in plain.films] == [0, 0]
    assert not any(film.radiograph.notes for film in plain.films), "of one day, as far as anybody knows"


def test_a_film_that_cannot_be_read_is_named_and_the_rest_goes_on() -> None:
    hand = taken(2, BodyPartExamined="HAND")
    found = study(taken(1), hand, b"no film", png(3, side=40), dicom(Modality="CT"), taken(6))
    assert [film.name for film in found.films] == ["1.dcm", "6.dcm"]
    told = [(one.number, one.name, str(one.reason)) for one in found.refused]
    assert [number for number, *_ in told] == [2, 3, 4, 5] and told[0][1] == "2.dcm"
    said = ("another body part (HAND)", "named .dcm", "at least 64 pixels", "a CT volume or a slice of one")
    said = (said[0], "no image that can be read", *said[2:])
    assert all(word in reason for word, (*_, reason) in zip(said, told, strict=True))


def test_a_film_that_ends_its_worker_is_left_out_too() -> None:
    decoder = FilmDecoder(workers=1, seconds=0.05)
    heavy = png(1, side=4000)
    given = [GivenFilm(reader(taken(1)), "a"), GivenFilm(lambda: decoder.read(heavy), "b")]
    found = study_of_films(given)
    assert [film.name for film in found.films] == ["a"]
    assert "too much time or memory" in found.refused[0].reason


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((b"no film",), "This file is no image that can be read here"),
        ((b"no film", b""), "None of the 2 files can be read as a film of this study: This file is no image"),
        ((dicom(Modality="CT"),) * 3, "a film of this study: This DICOM file holds a CT volume or a slice"),
        ((taken(1, PatientID="A"), taken(2), taken(3, PatientID="B")), "Films 1 and 3 are of two patients"),
        ((taken(1), b"broken", taken(1)), "Films 1 and 3 are the same film; leave one out"),
        ((), "A study has at least one film"),
    ],
)  # fmt: skip
def test_what_makes_no_study_is_refused_in_one_sentence(files: tuple[bytes, ...], said: str) -> None:
    assert said in refused(*files)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"days": [0, -3]}, "Film 2 is of a day after the study; correct its date."),
        ({"days": [0, None]}, "Film 2 is of a day after the study; correct its date."),
        ({"days": [0, 30]}, "an earlier day than film 1, but its file states a later one; correct"),
        ({"days": [0, 1.5]}, "The days of film 2 must be a whole number from 0 to 36,500"),
        ({"days": [0, True]}, "The days of film 2 must be"),
        ({"days": [0, 40_000]}, "The days of film 2 must be"),
        ({"days": [0]}, "Give one days for each of the 2 films"),
        ({"views": ["PA"]}, "Give one view for each of the 2 films"),
        ({"views": "PA"}, "Give one view for each of the 2 films"),
        ({"views": ["", "sideways"]}, "'sideways' is no view; choose one of PA, AP, lateral"),
        ({"views": ["", 5]}, "'5' is no view"),
    ],
)  # fmt: skip
def test_a_prior_after_the_present_and_what_is_no_day_or_view(said: dict, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        study(taken(1, "20240105"), taken(2, "20240110"), **said)
    assert sentence in str(caught.value)


def test_of_a_hundred_films_none_but_the_first_is_read() -> None:
    reads: list[int] = []

    def reading(number: int, data: bytes) -> Callable:
        return lambda: reads.append(number) or read_upload(data)

    many = [GivenFilm(reading(number, taken(1))) for number in range(100)]
    with pytest.raises(StudyError, match="A study of 100 films is too large; choose the 8 that matter"):
        study_of_films(many)
    assert reads == [0]
    slices = [GivenFilm(reading(number, dicom(Modality="CT"))) for number in range(100)]
    with pytest.raises(StudyError, match="holds a CT volume or a slice of one; choose a chest radiograph"):
        study_of_films(slices)
    assert reads == [0, 0]
