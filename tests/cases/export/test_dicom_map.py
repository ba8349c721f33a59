"""A map as DICOM: of the film's own study, marked in pixels and tags, and valid by a checker of its own."""

import io
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from cases.export.dicom_map import FILES, FilmMap, read_header, write_map
from cases.reading.dicom import encode_radiograph
from cases.reading.upload import read_upload
from modeling.errors import StudyError
from modeling.study import ViewPosition
from tests.doubles.example_cases import jpeg
from tests.doubles.toys import toy_radiograph

LINES = [
    "The film was mirrored back; ≤ 2 markers.",
    "checkpoint toy at abc",
    "integrated_gradients of grading/Severe",
]


def film_file(**tags: object) -> bytes:
    """A DICOM film of a patient with a name, tags changed or, with None, left out."""
    film = toy_radiograph(shape=(120, 90), view_position=ViewPosition.PA, pixel_spacing=(0.2, 0.2))
    data = pydicom.dcmread(io.BytesIO(encode_radiograph(film, case_id="P-7", synthetic=False)))
    named = {
        "SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎",
        "StudyDate": "20260102", "StudyDescription": "Thorax", "AccessionNumber": "A-12",
    }  # fmt: skip
    for keyword, value in (named | tags).items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # of values that DICOM does not allow
        pydicom.dcmwrite(buffer, data)
    return buffer.getvalue()


def film_map(refused: bool = False) -> FilmMap:
    attribution = np.random.default_rng(3).normal(size=(120, 90)).astype(np.float32) / 1000
    picture = np.full((120, 90, 3), 90, np.uint8)
    return FilmMap(picture, attribution, "logits per pixel", "grading/Severe", LINES, refused, "toy", "abc")


def written(folder: Path, data: bytes, refused: bool = False) -> tuple[Dataset, Dataset]:
    paths = write_map(read_header(data), read_upload(data), film_map(refused), folder / "new" / "out")
    assert [path.name for path in paths] == list(FILES)
    picture, attribution = (pydicom.dcmread(path) for path in paths)
    return picture, attribution


def test_both_objects_join_the_films_study_and_say_what_they_are(tmp_path: Path) -> None:
    source = pydicom.dcmread(io.BytesIO(film_file()))
    both = written(tmp_path, film_file())
    for made in both:
        for keyword in ("StudyInstanceUID", "PatientID", "StudyDate", "StudyDescription", "AccessionNumber"):
            assert made[keyword].value == source[keyword].value, keyword
        assert str(made.PatientName) == "Yamada^Tarou=山田^太郎"
        assert made.SeriesInstanceUID != source.SeriesInstanceUID
        assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert made.ImageComments.split("\r\n") == LINES
        assert (
            made.SeriesDescription.startswith("NOT FOR DIAGNOSIS")
            and "grading/Severe" in made.SeriesDescription
        )
        assert (made.ManufacturerModelName, made.SoftwareVersions) == ("checkpoint toy", "abc")
    assert both[0].SeriesInstanceUID != both[1].SeriesInstanceUID
    assert both[0].BurnedInAnnotation == "YES" and both[1].ContentQualification == "RESEARCH"


def test_the_map_holds_the_attribution_and_the_picture_its_words(tmp_path: Path) -> None:
    picture, attribution = written(tmp_path, film_file())
    values = np.frombuffer(attribution.FloatPixelData, np.float32).reshape(120, 90)
    assert (values == film_map().attribution).all()
    shared = attribution.SharedFunctionalGroupsSequence[0]
    mapping = shared.RealWorldValueMappingSequence[0]
    assert (mapping.RealWorldValueSlope, mapping.LUTExplanation) == (1.0, "logits per pixel")
    assert mapping.DoubleFloatRealWorldValueFirstValueMapped == values.min()
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.2, 0.2]
    pixels = picture.pixel_array
    top, film, below = pixels[:40], pixels[40:160, 275:365], pixels[160:]
    assert (film == 90).all() and top.any() and below[:, :400].any()
    refused = written(tmp_path, film_file(), refused=True)
    assert all(made.SeriesDescription.startswith("REFUSED, NOT FOR DIAGNOSIS") for made in refused)
    assert (refused[0].pixel_array[:40] != top).any()


def test_what_dicom_does_not_allow_in_a_header_is_left_empty_and_quoted_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = film_file(
        PatientSex="W", PatientBirthDate="1.2.1950", StudyID="S" * 30, PatientName="Meier", StudyTime=None,
        ReferringPhysicianName=None, SpecificCharacterSet="ISO_IR 100",
    )  # fmt: skip
    with warnings.catch_warnings(action="error"):
        picture, attribution = written(tmp_path, data)
    for made in (picture, attribution):
        assert not (made.PatientSex or made.PatientBirthDate or made.StudyID or made.StudyTime)
        assert made.PatientName == "Meier"
    assert "Meier" not in caplog.text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (jpeg(toy_radiograph().pixels), "give the film as a DICOM file"),
        (film_file(StudyInstanceUID=None), "does not state its StudyInstanceUID"),
    ],
)
def test_a_film_without_a_study_is_refused_in_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        read_header(data)


@pytest.mark.parametrize("view", [ViewPosition.PA, ViewPosition.LATERAL])
def test_a_checker_finds_no_error(tmp_path: Path, view: ViewPosition) -> None:
    """`dciodvfy` of dicom3tools (D. Clunie), which knows neither of the two newest terms that it warns of."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not here; Debian's package dicom3tools brings it")
    data = film_file(ViewPosition={"PA": "PA", "lateral": "LL"}[view])
    for path in (tmp_path / "new" / "out" / name for name in FILES):
        written(tmp_path, data)
        run = subprocess.run(["dciodvfy", path], capture_output=True, text=True, timeout=60)
        found = (run.stdout + run.stderr).splitlines()
        assert {"SCImage", "ParametricMap"} & set(found), found
        assert not [line for line in found if line.startswith("Error")], found
