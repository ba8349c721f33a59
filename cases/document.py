"""A case as a plain dict of Viewbox's own schema, and back: what every store keeps.

A document holds text, numbers, booleans, lists, dicts and bytes only, so that BSON and JSON can both
carry it. `SCHEMA_VERSION` grows when a reader of the older form would misread the newer one.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from cases.case import NO_FIRST_FILM, Case, Licence, PlantedEvidence, Provenance, Rating, Reading, Region
from cases.film_bytes import (
    film_document,
    film_to_decode,
    mask_from_png,
    mask_png,
    radiograph_from_film,
    thumbnail,
)
from cases.store import BrokenCase, CaseFilter, CaseSummary, broken_case, check_case_id, shown
from modeling.errors import StudyError, ViewboxError
from modeling.labels import TASKS
from modeling.sentence import Names
from modeling.study import (
    CLINICAL_FIELDS,
    ClinicalTable,
    ClinicalText,
    DatedFilm,
    Modality,
    Study,
    check_films,
)

SCHEMA_VERSION = 1
ORIGINAL = "seed"
"""The key under which a converted student document keeps the original; stored documents call it so."""
FURTHER = "further_films"
"""The key of a case's further films, each as `film` with its `days_before`; absent without any."""
RANDOM_BITS = 48
_ORIGIN = ("provenance.source", "provenance.synthetic")
SUMMARY_FIELDS = ("ID", "title", *_ORIGIN, "reference", "licence", "thumbnail", f"{FURTHER}.days_before")
"""Keys that a list row is made from; no film is among them."""
_ON_SCALE = ("value", "low", "high")
_NOT_CONTENT = ("_id", "facets", "random", "thumbnail", "digest")


def document_from_case(case: Case, film: bytes | None = None) -> dict[str, Any]:
    """The document of a case, as far as what is stored can be read again; `film.bytes` holds its film.

    Args:
        film: the JPEG or PNG file that the film was read from, where there is one (see `film_document`).
    """
    check_case_id(case.case_id)
    radiograph = case.study.radiograph
    reference = {str(task): name for task, name in case.reference.items()}
    try:
        _check_reference(reference)
        table = _table_document(case.study.table)
        case.check_films()
        film_part = None if radiograph is None else film_document(radiograph, film)
    except ViewboxError as exc:
        unstored = "Case '{case}' was not stored: {problem}"
        raise BrokenCase(unstored, case=shown(case.case_id), problem=exc.sentence) from exc
    return {
        "ID": case.case_id,
        "schema_version": SCHEMA_VERSION,
        "facets": facets(case.provenance.source, reference),
        "random": random_key(case.case_id),
        "film": film_part,
        "thumbnail": thumbnail(radiograph) if radiograph is not None and case.licence.may_show else None,
        "table": table,
        "text": dict(case.study.text.sections),
        "report": dict(case.report),
        "reference": reference,
        "readings": [asdict(reading) | {"task": str(reading.task)} for reading in case.readings],
        "licence": asdict(case.licence),
        "provenance": {k: v for k, v in asdict(case.provenance).items() if k != "study" or v},
        "evidence": None if case.evidence is None else _evidence_document(case.evidence),
        "notes": [str(note) for note in case.notes],
        **_later_parts(case),
    }


def case_from_document(document: Mapping[str, Any]) -> Case:
    """The case in a document, film included; `BrokenCase` where it is newer than this Viewbox, or damaged."""
    case_id = str(document.get("ID", document.get("_id", "")))
    version = document.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise BrokenCase(
            "Case '{case}' was written by a newer Viewbox (schema {found}, this one reads up to {known});"
            " update Viewbox to open it.",
            case=shown(case_id),
            found=version,
            known=SCHEMA_VERSION,
        )
    try:
        return _case(case_id, document)
    except StudyError as exc:
        raise broken_case(case_id, exc.sentence) from exc
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError, ViewboxError) as exc:
        raise broken_case(case_id, "a field of it is missing or of a wrong kind") from exc


def summary_from_document(document: Mapping[str, Any]) -> CaseSummary:
    """A list row from the `SUMMARY_FIELDS` of a document; a broken part stays out and hides no other case."""
    provenance, licence = _mapping(document.get("provenance")), _mapping(document.get("licence"))
    picture, may_show = document.get("thumbnail"), licence.get("may_show") is True
    return CaseSummary(
        case_id=str(document["ID"]),
        source=str(provenance.get("source", "")),
        reference={str(k): str(v) for k, v in _mapping(document.get("reference")).items()},
        licence=str(licence.get("name", "")),
        synthetic=provenance.get("synthetic") is True,
        title={str(k): str(v) for k, v in _mapping(document.get("title")).items()},
        thumbnail=bytes(picture) if isinstance(picture, bytes) and may_show else None,
        may_show=may_show,
        films=1 + (len(further) if isinstance(further := document.get(FURTHER), list) else 0),
    )


def digest(document: Mapping[str, Any]) -> str:
    """Hash of what a document says, to know an unchanged one; thumbnail and storage keys left aside."""
    parts = own_files({k: v for k, v in document.items() if k not in _NOT_CONTENT})
    for held in files_in(parts):  # Their bytes are known by the hashes that stand beside them.
        for name in ("bytes", "file"):
            held.pop(name, None)
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=_hashable)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def files_in(document: Mapping[str, Any]) -> Iterator[Any]:
    """Those parts of a document that hold a file: its films, and the original that it keeps."""
    further = document.get(FURTHER)
    parts = (document.get("film"), document.get(ORIGINAL), *(further if isinstance(further, list) else ()))
    return (part for part in parts if isinstance(part, Mapping))


def own_files(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a document whose `files_in` can be changed without changing those of the first."""
    copy = dict(document)
    for name in ("film", ORIGINAL):
        if isinstance(copy.get(name), Mapping):
            copy[name] = dict(copy[name])
    if isinstance(copy.get(FURTHER), list):
        copy[FURTHER] = [dict(film) for film in copy[FURTHER]]
    return copy


def film_size(document: Mapping[str, Any]) -> int:
    """Bytes of a document's films; 0 where it has none."""
    return sum(film.get("size", 0) for film in (document["film"] or {}, *document.get(FURTHER, ())))


def facets(source: str, reference: Mapping[str, str]) -> list[str]:
    """The keys of all filters that a case passes, so that one index (`facets`, ID) serves every filter.

    A case passes a filter when all of its keys are among these: in one, each of source, appearance and
    grading stands either as its value or as null for any; another is a label of any task.
    """
    values = (source, reference.get("appearance"), reference.get("grading"))
    choices = [(None,) if value is None else (None, value) for value in values]
    keys = [json.dumps(choice, ensure_ascii=False) for choice in itertools.product(*choices)]
    own = [f"{task}/{name}" for task, label in reference.items() for name in str(label).split("|") if name]
    return keys + [_label_key(label) for label in dict.fromkeys(own)]


def _label_key(label: str) -> str:
    return json.dumps({"label": label}, ensure_ascii=False)


def facets_of(where: CaseFilter) -> tuple[str, ...]:
    """The keys that every case passing this filter has among its `facets`, those of the fewest cases first;
    the ID prefix stays apart.
    """
    values = json.dumps((where.source, where.appearance, where.grading), ensure_ascii=False)
    return (_label_key(where.label), values) if where.label else (values,)


def random_key(case_id: str) -> int:
    """A 48-bit number spread evenly over IDs, the same wherever the case is stored."""
    return int.from_bytes(hashlib.sha256(case_id.encode("utf-8", "replace")).digest()[: RANDOM_BITS // 8])


def _case(case_id: str, document: Mapping[str, Any]) -> Case:
    check_case_id(case_id)
    film, licence, evidence = document["film"], document["licence"], document["evidence"]
    provenance = [str(document["provenance"][name]) for name in ("source", "patient", "attribution")]
    _check_reference(document["reference"])
    case = Case(
        case_id=case_id,
        study=Study(
            radiograph=None if film is None else radiograph_from_film(film),
            table=_table(document["table"]),
            text=ClinicalText(_texts(document["text"])),
        ),
        licence=Licence(str(licence["name"]), licence["may_show"] is True, licence["may_export"] is True),
        provenance=Provenance(
            *provenance,
            synthetic=bool(document["provenance"]["synthetic"]),
            study=str(document["provenance"].get("study", "")),
        ),
        report=_texts(document["report"]),
        reference={task: name for task, name in document["reference"].items()},
        readings=tuple(
            Reading(str(r["reader"]), r["task"], str(r["class_name"])) for r in document["readings"]
        ),
        evidence=None if evidence is None else _evidence(evidence),
        notes=tuple(map(str, document["notes"])),
        ratings=tuple(
            Rating(str(r["reader"]), str(r["scale"]), *(float(r[k]) for k in _ON_SCALE))
            for r in document.get("ratings", ())
        ),
        regions=tuple(
            Region(str(r["reader"]), str(r["label"]), *map(float, r["box"]))
            for r in document.get("regions", ())
        ),
        title=_texts(document.get("title", {})),
        teaching_note=_texts(document.get("teaching_note", {})),
        other={str(entry["name"]): str(entry["value"]) for entry in document.get("other", ())},
        further=tuple(DatedFilm(film_to_decode(f), int(f["days_before"])) for f in document.get(FURTHER, ())),
    )
    _check_further(case, document)
    return case


def _check_further(case: Case, document: Mapping[str, Any]) -> None:
    """As `Case.check_films`, by the stored hashes: further films are decoded when somebody looks at them."""
    if case.further and case.study.radiograph is None:
        raise StudyError(NO_FIRST_FILM)
    if case.further:
        stored = [(document["film"]["sha256"], 0)]
        check_films([*stored, *((f["sha256"], int(f["days_before"])) for f in document[FURTHER])])


def _check_reference(reference: Mapping[str, str]) -> None:
    for task_name, class_name in reference.items():
        task = TASKS.get(task_name)  # a checkpoint's own tasks are not known here: their labels are kept
        if not isinstance(class_name, str):
            raise StudyError("its label of {task} is not text", task=Names("task", task_name))
        if task is not None and task.kind != "multilabel":
            task.index(class_name)


def _table_document(table: ClinicalTable) -> dict[str, dict[str, Any]]:
    """Values with the unit they are kept in, so that a later change of unit can never go unseen."""
    known = _checked_values(table.values)
    return {name: {"value": value, "unit": CLINICAL_FIELDS[name].unit} for name, value in known}


def _table(document: Mapping[str, Any]) -> ClinicalTable:
    for name, entry in document.items():
        if name in CLINICAL_FIELDS and entry["unit"] != CLINICAL_FIELDS[name].unit:
            other_unit = "its {name} is in '{unit}', not in '{wanted}'"
            raise StudyError(other_unit, name=name, unit=entry["unit"], wanted=CLINICAL_FIELDS[name].unit)
    return ClinicalTable(dict(_checked_values({name: entry["value"] for name, entry in document.items()})))


def _checked_values(values: Mapping[str, Any]) -> Iterator[tuple[str, float | str]]:
    """Values by known field; an infinite number is a laboratory limit and passes."""
    for name, value in values.items():
        if name not in CLINICAL_FIELDS:
            raise StudyError("there is no clinical field '{name}'", name=name)
        limit = isinstance(value, float) and math.isinf(value)
        yield name, value if limit else CLINICAL_FIELDS[name].check(value)


def _later_parts(case: Case) -> dict[str, Any]:
    """What later forms added: a case without has no such key, as before there were any."""
    parts = {
        "ratings": [asdict(r) | {k: float(getattr(r, k)) for k in _ON_SCALE} for r in case.ratings],
        "regions": [
            {"reader": r.reader, "label": r.label, "box": [*map(float, (r.left, r.top, r.width, r.height))]}
            for r in case.regions
        ],
        "title": dict(case.title),
        "teaching_note": dict(case.teaching_note),
        "other": [{"name": name, "value": value} for name, value in case.other.items()],
        FURTHER: [
            {**film_document(film.radiograph), "days_before": int(film.days_before)} for film in case.further
        ],
    }
    return {name: part for name, part in parts.items() if part}


def _evidence_document(evidence: PlantedEvidence) -> dict[str, Any]:
    return {
        "modality": {str(task): [str(m) for m in found] for task, found in evidence.modality.items()},
        "masks": [{"name": name, "png": mask_png(np.asarray(m))} for name, m in evidence.masks.items()],
        "words": [[section, int(start), int(end)] for section, start, end in evidence.words],
        "fields": list(evidence.fields),
        "agreement": evidence.agreement,
        "confounder": evidence.confounder,
    }


def _evidence(document: Mapping[str, Any]) -> PlantedEvidence:
    modality = document["modality"]
    return PlantedEvidence(
        modality={task: tuple(map(Modality, found)) for task, found in modality.items()},
        masks={mask["name"]: mask_from_png(bytes(mask["png"])) for mask in document["masks"]},
        words=tuple((str(section), int(start), int(end)) for section, start, end in document["words"]),
        fields=tuple(map(str, document["fields"])),
        agreement=str(document["agreement"]),
        confounder=str(document["confounder"]),
    )


def _texts(document: Mapping[str, Any]) -> dict[str, str]:
    for name, text in document.items():
        if not isinstance(text, str):
            raise StudyError("its {name} is not text", name=name)
    return dict(document)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _hashable(value: object) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else repr(value)
