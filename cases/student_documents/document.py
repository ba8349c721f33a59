"""Student documents, read in place: `ID`, `image_filename`, `image_data`, `clinical_data`.

`image_data` is a film file in base64; `clinical_data` holds loosely named values. What fits a field of
`CLINICAL_FIELDS` or a label of RICORD is taken over, a `Result` with the `Test` that it belongs to; what fits
nothing stays out of the study and is kept as it stands (`Case.other`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from cases.case import Case, Licence, Provenance
from cases.store import CaseSummary, broken_case
from modeling.errors import StudyError
from modeling.field_values import is_unknown, written_number
from modeling.labels import TASKS, TaskName
from modeling.sentence import Names, Sentence
from modeling.study import (
    CLINICAL_FIELDS,
    ClinicalField,
    ClinicalTable,
    ClinicalText,
    Radiograph,
    Study,
    ViewPosition,
)

STUDENT_SOURCE = "seed"
"""`Provenance.source` of a document that shows no other; lakes that exist call it so."""
RICORD = "ricord"
"""`Provenance.source` of a document that names no source: RICORD where it shows its labels or its name."""
SOURCE_FIELDS = ("source", "dataset", "project")
"""Keys, of the document or of its `clinical_data`, that may name the set it belongs to."""
SUMMARY_FIELDS = ("ID", "image_filename", "clinical_data", *SOURCE_FIELDS)
"""Keys that `student_summary` reads; the film is not among them."""
STUDENT_LICENCE = Licence("not stated", may_show=True, may_export=False)
"""The owner of the database put the film there to be looked at; nobody said that it may leave."""
_NAMES: dict[str, dict[str, str]] = {
    kind: {spelling: name for name, spellings in names.items() for spelling in spellings}
    for kind, names in json.loads(Path(__file__).with_name("spellings.json").read_text("utf-8")).items()
}
"""Fields, labels and texts as student projects and hospitals spell them (lower case, letters and digits)."""
_UNIT_IN_NAME = re.compile(r"(.+?)\s*[(\[]([^)\]]+)[)\]]\s*")


@dataclass
class _ClinicalData:
    """The values of `clinical_data` by kind, and notes on those that had to stay aside."""

    raw: dict[str, tuple[str, object]] = field(default_factory=dict)
    table: ClinicalTable = field(default_factory=ClinicalTable)
    labels: dict[TaskName, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    other: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, object]] = field(
        default_factory=dict
    )  # kind -> name -> value; see `spellings`
    source: str = ""
    lateral: bool = False

    def set_aside(self, template: str, **values: Any) -> None:
        """A sentence for the reader on what was not read as it stands."""
        self.notes.append(Sentence(template, **values))

    def keep(self, name: str, value: object) -> None:
        """A value that fits nothing, as it stands; a second one of a name gets a number."""
        written = f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
        names = (name if number == 1 else f"{name} ({number})" for number in count(1))
        self.other[next(n for n in names if n not in self.other)] = written


def case_id_of(document: Mapping[str, Any]) -> str:
    """The case ID of a document: its `ID` as text; its `_id` where it has none that can be one."""
    found = document.get("ID")
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    usable = isinstance(found, (str, int)) and not isinstance(found, bool) and str(found)
    return str(found if usable else document.get("_id"))


def id_keys(case_id: str) -> list[str | int]:
    """The values of `ID` that read as this case ID: the text, and the whole number it writes out."""
    number = re.fullmatch(r"0|-?[1-9]\d{0,18}", case_id, re.ASCII)
    fits = number is not None and -(2**63) <= int(case_id) < 2**63
    return [case_id, int(case_id)] if fits else [case_id]


def case_from_student(document: Mapping[str, Any], case_id: str, lake: str = "") -> Case:
    """The case in a student document; other keys than the four are left alone.

    `lake`: the source of the documents here that name none themselves, where somebody said it.
    """
    found = document.get("clinical_data")
    if found is not None and not isinstance(found, Mapping):
        raise broken_case(case_id, "its clinical_data is not a set of named values")
    clinical = _clinical_data(document, lake)
    radiograph = _radiograph(document, case_id)
    if radiograph.view_position is ViewPosition.UNKNOWN:
        radiograph = replace(radiograph, view_position=_view(clinical, document))
    report = dict(clinical.texts)
    indication = {"indication": report.pop("indication")} if "indication" in report else {}
    return Case(
        case_id=case_id,
        study=Study(radiograph, clinical.table, ClinicalText(indication)),
        licence=STUDENT_LICENCE,
        provenance=Provenance(source=clinical.source),
        report=report,
        reference=clinical.labels,
        notes=tuple(clinical.notes),
        other=clinical.other,
    )


def student_summary(document: Mapping[str, Any], case_id: str, lake: str = "") -> CaseSummary:
    """The list row of a student document, from its `clinical_data`; its film is not needed."""
    clinical = _clinical_data(document, lake)
    reference = {str(task): name for task, name in clinical.labels.items()}
    return CaseSummary(case_id, clinical.source, reference, STUDENT_LICENCE.name)


def source_of(document: Mapping[str, Any], labels: Mapping[TaskName, str], lake: str = "") -> str:
    """The set that a document belongs to: the one it names, else its lake's, else RICORD where it carries
    RICORD's labels or name."""
    clinical = document.get("clinical_data")
    for holder in (document, clinical if isinstance(clinical, Mapping) else {}):
        for name, value in holder.items():
            if str(name).lower() in SOURCE_FIELDS and isinstance(value, str) and value.strip():
                return RICORD if RICORD in value.lower() else value.strip()
    if lake:
        return RICORD if RICORD in lake.lower() else lake
    named = f"{document.get('ID')} {document.get('image_filename')}".lower()
    return RICORD if labels or RICORD in named else STUDENT_SOURCE


def film_file(document: Mapping[str, Any], case_id: str) -> bytes:
    """The film file in `image_data`: base64 text, with or without a data: prefix, or the bytes themselves."""
    data = document.get("image_data")
    if not data:
        raise broken_case(case_id, "it has no film in image_data")
    if isinstance(data, bytes):
        if not data.isascii():
            return data
        data = data.decode("ascii")
    if not isinstance(data, str):
        raise broken_case(case_id, "its image_data is not base64 text")
    from cases.reading.upload import film_of_base64  # Late: it brings Pillow, which a list does not need.

    try:
        return film_of_base64(data)
    except StudyError as exc:
        raise broken_case(case_id, "its image_data is not base64 text") from exc


def _radiograph(document: Mapping[str, Any], case_id: str) -> Radiograph:
    from cases.reading.upload import read_upload  # Late: it brings the DICOM reader.

    name = document.get("image_filename")
    try:
        return read_upload(film_file(document, case_id), name if isinstance(name, str) else "")
    except StudyError as exc:
        raise broken_case(case_id, "its film cannot be read: {problem}", problem=exc.sentence) from exc


def _clinical_data(document: Mapping[str, Any], lake: str) -> _ClinicalData:
    clinical, found = _ClinicalData(), document.get("clinical_data")
    for name, value in _flat(found if isinstance(found, Mapping) else {}):
        if is_unknown(value):
            continue
        named_unit = _UNIT_IN_NAME.fullmatch(name)
        key = re.sub(r"[^a-z0-9]", "", (named_unit[1] if named_unit else name).lower()).removeprefix("anon")
        if key in _NAMES["labels"]:
            _take_label(clinical, name, _NAMES["labels"][key], value)
        elif key in _NAMES["texts"] and isinstance(value, str):
            clinical.texts[_NAMES["texts"][key]] = value
        elif key in _NAMES["fields"]:
            known = CLINICAL_FIELDS[_NAMES["fields"][key]]
            _take_value(clinical, name, known, value, named_unit[2] if named_unit else "")
        elif key in _NAMES["parts"]:
            part = _NAMES["parts"][key]
            clinical.parts.setdefault(part, {})[name] = value
            if part == "exam":  # the view may be read in it, and nothing else
                clinical.keep(name, value)
        elif key not in SOURCE_FIELDS:
            clinical.keep(name, value)
    clinical.source = source_of(document, clinical.labels, lake)
    _take_result(clinical)
    cells = {name: value for name, (_, value) in clinical.raw.items()}
    clinical.table, refused = ClinicalTable.read_cells(cells)
    clinical.notes += clinical.table.notes
    for name, problem in refused.items():
        written, value = clinical.raw[name]
        clinical.keep(written, value)
        left_out = "'{name}' in clinical_data was left out: {problem}"
        clinical.set_aside(left_out, name=written, problem=problem.sentence)
    return clinical


def _take_result(clinical: _ClinicalData) -> None:
    """A result is of the test beside it, in RICORD of the RT-PCR where none is; others stay aside."""
    tests, results = clinical.parts.pop("test", {}), clinical.parts.pop("result", {})
    by_pcr = all(map(_is_pcr, tests.values())) if tests else clinical.source == RICORD
    if by_pcr and len(results) == 1 and "rt_pcr" not in clinical.raw:
        [(name, value)] = results.items()
        _take_value(clinical, name, CLINICAL_FIELDS["rt_pcr"], value, "")
        return
    for name, value in (tests | results).items():
        clinical.keep(name, value)


def _is_pcr(test: object) -> bool:
    """Whether a test's name says RT-PCR for SARS-CoV-2, and nothing else."""
    words = re.findall(r"[a-z]+|[0-9]+", str(test).lower())
    return any("pcr" in word for word in words) and all(_NAMES["words"].get(w) == "pcr" for w in words)


def _view(clinical: _ClinicalData, document: Mapping[str, Any]) -> ViewPosition:
    """The view of a film whose file states none: as its own field has it, else as the examination's
    description says, else as the film is named. A frontal one goes into the table too."""
    exams, name = clinical.parts.get("exam", {}), str(document.get("image_filename") or "")
    stated = clinical.table.values.get("view_position", ViewPosition.UNKNOWN)
    if clinical.lateral or stated != ViewPosition.UNKNOWN:
        return ViewPosition.LATERAL if clinical.lateral else ViewPosition(stated)
    for text in (*map(str, exams.values()), Path(name).stem):
        words = {_NAMES["words"].get(word) for word in re.split(r"[^a-z0-9]+", text.lower())}
        views = words & {view.value for view in (ViewPosition.PA, ViewPosition.AP, ViewPosition.LATERAL)}
        if len(views) == 1:
            view = ViewPosition(views.pop())
            clinical.set_aside(
                "The view, {view}, was read in '{text}'.", view=Names("value", view), text=text
            )
            if view is not ViewPosition.LATERAL:
                values = {**clinical.table.values, "view_position": str(view)}
                clinical.table = replace(clinical.table, values=values)
            return view
    return ViewPosition.UNKNOWN


def _flat(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Named values; a group of them is opened, and {"value": ..., "unit": ...} is read as one."""
    for name, value in found.items():
        if isinstance(value, Mapping) and "value" in value:
            yield str(name), f"{value['value']} {value.get('unit') or ''}".strip()
        elif isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield str(name), value


def _take_label(clinical: _ClinicalData, name: str, task: TaskName, value: object) -> None:
    """RICORD writes "Typical Appearance", "Negative for Pneumonia", "Mild Opacities (1-2 lung zones)"."""
    first = re.match(r"[a-z]+", str(value).strip().lower())
    classes = {class_name.lower(): class_name for class_name in TASKS[task].classes}
    if first and first[0] in classes:
        clinical.labels[task] = classes[first[0]]
    else:
        clinical.keep(name, value)
        no_class = "'{name}' in clinical_data is '{value}', no {task} class, and was left out."
        clinical.set_aside(no_class, name=name, value=value, task=Names("task", task))


def _take_value(clinical: _ClinicalData, name: str, known: ClinicalField, value: object, unit: str) -> None:
    """Keep a value for `ClinicalTable.read_cells`, with the unit that stands beside its name."""
    if known.name == "view_position" and str(value).strip().lower() in ("lateral", "ll", "lat"):
        clinical.lateral = True
        return
    if known.name in clinical.raw:
        again = Names("field", known.name)
        again_named = "'{name}' in clinical_data names {field} again and was left out."
        clinical.keep(name, value)
        clinical.set_aside(again_named, name=name, field=again)
        return
    written = None if known.kind == "categorical" else written_number(value)
    bare = written is not None and not written.unit and not written.limit
    clinical.raw[known.name] = (name, f"{value} {unit}" if bare and unit and written.unit == "" else value)
    if bare and not unit and known.name != "age" and _fits_twice(known, written.readings[0]):
        no_unit = "'{name}' in clinical_data has no unit and was read in {unit}."
        clinical.set_aside(no_unit, name=name, unit=known.unit)


def _fits_twice(known: ClinicalField, number: float) -> bool:
    """Whether a bare number would be plausible in another unit as well, and no range tells which it is."""
    if any(bare.low <= number < bare.high for bare in known.bare):
        return False
    return known.low <= number <= known.high and any(
        known.low <= number * factor + offset <= known.high for factor, offset in known.other_units.values()
    )
