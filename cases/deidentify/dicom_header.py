"""The header of a DICOM file without its patient: the basic profile of DICOM PS3.15 Annex E.

`dicom-anonymizer` (Kitware, BSD) applies the profile's table (2024b) to every tag, in sequences and the file
header too, and removes private tags. Of its options two are used: patient characteristics (sex and age, ages
above 89 as 90) and longitudinal dates, moved by a number of days that depends on the patient and the salt.
UIDs and patient IDs become keyed pseudonyms, the same wherever they occur. Nothing is copied from the header
but what `Header` lists; pixels go through `cases.reading.dicom.read_radiograph`, which masks overlays.
"""

import io
import logging
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from cases.deidentify.pseudonyms import Pseudonymiser, day_number, written_day
from modeling.errors import StudyError

# pydicom's warnings quote the values they complain about, and a log is no place for a patient's name.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.ERROR)

logger = logging.getLogger(__name__)
OLDEST_SHOWN = 90
"""Ages above 89 all become this one (HIPAA 45 CFR 164.514(b)(2)(i)(C))."""
IDENTITY = ("PatientID", "StudyInstanceUID", "SOPInstanceUID", "AccessionNumber")
_DATES = ("StudyDate", "AcquisitionDate")
_DAMAGED = "This DICOM file is damaged or cut off; export it again and try once more."
_KEPT = (
    "PatientSex", "PatientAge", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate",
    "BurnedInAnnotation",
)  # fmt: skip
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_COUNTED_VRS = ("PN", "LO", "SH", "LT", "ST", "UT", "UC", "DA", "DT", "AS", "AE")
_NAMING_TAGS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "InstitutionName", "PatientAddress")


@dataclass(frozen=True)
class Identity:
    """Names and day of a film before it is de-identified; they stay in memory and are stored nowhere."""

    patient: str = field(repr=False)
    study: str = field(repr=False)
    instance: str = field(repr=False)
    accession: str = field(default="", repr=False)
    day: int | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Header:
    """The part of a header that may be kept.

    Attributes:
        patient, study, instance: keyed pseudonyms, or the published names where no salt was given.
        sex: "female", "male" or "".
        age: in years, at most `OLDEST_SHOWN`; None where the file states none.
        study_date: ISO date, shifted; "" where there is none.
        burned_in: the file says that text is burned into its pixels.
        removed: kind of personal data -> how many elements of it the file held.
        known_names: names and numbers of the original, for cleaning free text of the same case; not stored.
    """

    patient: str
    study: str
    instance: str
    sex: str = ""
    age: float | None = None
    study_date: str = ""
    burned_in: bool = False
    removed: Counter[str] = field(default_factory=Counter)
    known_names: tuple[str, ...] = field(default=(), repr=False)


def read_identity(source: Path | bytes) -> Identity:
    """The names and the day of a file, without its pixels; StudyError where it is no whole DICOM file."""
    dataset = _read(source, [*IDENTITY, *_DATES])
    days = (day_number(_text(dataset, keyword)) for keyword in _DATES)
    day = next((day for day in days if day is not None), None)
    identity = Identity(*(str(dataset.get(keyword, "") or "") for keyword in IDENTITY), day=day)
    if not identity.instance:
        raise StudyError("This DICOM file has no SOP instance UID; export it again.")
    return identity


def deidentified_header(data: bytes, pseudonyms: Pseudonymiser | None, moved_as: str | None = None) -> Header:
    """Apply the basic profile to a whole file's header, and say what it removed.

    Args:
        pseudonyms: None for published sets whose identifiers are pseudonyms already: those are kept.
        moved_as: the patient whose shift moves the dates; the file's own patient ID where not given.
    """
    dataset = _read(data, None)
    identity = read_identity(data)
    removed, names = _personal_data(dataset), _known_names(dataset)
    burned_in = _text(dataset, "BurnedInAnnotation").upper() == "YES"
    clean = _through_profile(dataset, moved_as or identity.patient, pseudonyms)
    day = written_day(_text(clean, "StudyDate"))
    return Header(
        *(_text(clean, keyword) for keyword in ("PatientID", "StudyInstanceUID", "SOPInstanceUID")),
        sex={"F": "female", "M": "male"}.get(_text(clean, "PatientSex").upper(), ""),
        age=_age(_text(clean, "PatientAge")),
        study_date="" if day is None or day.year == 1 else day.isoformat(),
        burned_in=burned_in,
        removed=removed,
        known_names=names,
    )


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword, "") or "").strip()


def _read(source: Path | bytes, tags: list[str] | None) -> Dataset:
    try:
        stream: Any = io.BytesIO(source) if isinstance(source, bytes) else str(source)
        with warnings.catch_warnings(action="ignore"):  # a warning names the file, and the file the patient
            return pydicom.dcmread(stream, specific_tags=tags, stop_before_pixels=True)
    except Exception as exc:  # pydicom reports a broken file with whatever its parser stumbles over
        raise _damaged(exc) from exc


def _through_profile(dataset: Dataset, patient: str, pseudonyms: Pseudonymiser | None) -> Dataset:
    """The same data set, changed in place by the profile and our rules for IDs and dates.

    Raises StudyError where an element cannot be read, so that nobody can say it was cleaned.
    """
    try:
        from dicomanonymizer import anonymize_dataset
        from dicomanonymizer.simpledicomanonymizer import initialize_actions_2024b
    except ImportError as exc:
        raise StudyError(
            "DICOM headers cannot be cleaned without 'dicom-anonymizer'; run pip install 'viewbox[lake]' (in"
            " a checkout: pip install -e '.[lake]')."
        ) from exc
    try:
        # Elements of a representation that the library does not know (image data in a header) go first.
        for element in list(dataset):
            if element.VR in ("OW", "OF", "OD", "OL", "OV", "UN") or element.tag.group & 0xFF00 == 0x6000:
                del dataset[element.tag]
        with warnings.catch_warnings(action="ignore"):
            anonymize_dataset(dataset, _rules(patient, pseudonyms), base_rules_gen=initialize_actions_2024b)
    except StudyError:
        raise
    except Exception as exc:  # one unreadable element ends the library in many ways
        raise _damaged(exc) from exc
    return dataset


def _rules(patient: str, pseudonyms: Pseudonymiser | None) -> dict[tuple[int, int], Callable[..., None]]:
    """Tag -> our rule in place of the profile's; sex and age stay, to be checked by the caller."""

    def change(make: Callable[[str], str]) -> Callable[[Dataset, tuple[int, int]], None]:
        def apply(dataset: Dataset, tag: tuple[int, int]) -> None:
            element = dataset.get(tag)
            if element is None or element.is_empty:
                return
            if isinstance(element.value, MultiValue):
                element.value = [make(str(value)) for value in element.value]
            else:
                element.value = make(str(element.value))

        return apply

    moved = change(lambda value: _moved(value, patient, pseudonyms))
    numbered = change(lambda value: pseudonyms.uid(value) if pseudonyms else value)
    named = change(lambda value: pseudonyms.pseudonym("patient", value) if pseudonyms else value)
    rules = {keyword: moved if keyword.endswith("Date") else lambda dataset, tag: None for keyword in _KEPT}
    rules |= {"PatientID": named, **dict.fromkeys(_UIDS, numbered)}
    tags = {keyword: pydicom.tag.Tag(keyword) for keyword in rules}
    return {(tags[keyword].group, tags[keyword].element): rule for keyword, rule in rules.items()}


def _moved(value: str, patient: str, pseudonyms: Pseudonymiser | None) -> str:
    day = written_day(value)
    if day is None:
        return ""
    return (pseudonyms.shifted(day, patient) if pseudonyms else day).strftime("%Y%m%d")


def _age(value: str) -> float | None:
    found = re.fullmatch(r"(\d{1,3})([YMWD])", value.strip().upper())
    if not found:
        return None
    years = int(found[1]) / {"Y": 1, "M": 12, "W": 52, "D": 365}[found[2]]
    return float(OLDEST_SHOWN) if years >= OLDEST_SHOWN else round(years, 2)


def _personal_data(dataset: Dataset) -> Counter[str]:
    """Elements that could name somebody, by kind: those of the profile's table, private ones, overlays."""
    from dicomanonymizer.simpledicomanonymizer import initialize_actions_2024b

    profile, counts = initialize_actions_2024b().keys(), Counter()
    for element in _elements(dataset):
        if element.is_empty:
            continue
        if element.tag.is_private:
            counts["private tag"] += not element.tag.is_private_creator
        elif element.tag.group & 0xFF00 == 0x6000:
            counts["overlay"] += element.tag.element == 0x3000
        elif (element.tag.group, element.tag.element) in profile and element.VR in _COUNTED_VRS:
            counts[element.keyword or "unnamed tag"] += 1
    return +counts


def _known_names(dataset: Dataset) -> tuple[str, ...]:
    """Each word of a person's name, and numbers and addresses as a whole: "General Hospital" is one."""
    found = set()
    for element in _elements(dataset):
        if element.is_empty:
            continue
        if element.VR == "PN":
            written = str(element.value)
            found |= {*re.split(r"[\^=\s,;]+", written), *re.split(r"[\^=\s,;\-]+", written)}
            # Ideographic names (PS3.5 6.2.1.1) stand in a text without the caret between their parts.
            found |= {re.sub(r"[\^\s]", "", part) for part in written.split("=") if not part.isascii()}
        elif element.keyword in _NAMING_TAGS:
            found.add(str(element.value).strip())
    return tuple(sorted(found - {""}))


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    try:
        yield from dataset.iterall()
    except Exception as exc:  # an element that cannot be read may hold anything
        raise _damaged(exc) from exc


def _damaged(exc: Exception) -> StudyError:
    """The refusal of a file; the log gets the kind alone, for what an error says may name the patient."""
    logger.info("A DICOM header cannot be read (%s).", type(exc).__name__)
    return StudyError(_DAMAGED)
