"""Student documents and Viewbox's own, each from the other and back to the byte.

A converted document keeps the original's BSON beside its film: whole, or with a hole where `image_data`
stood if that can be spelt again from the film's file. A document of another origin becomes a student document
with one key more, `viewbox`, which holds what the four keys cannot.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import bson
from bson import ObjectId, json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from cases.document import ORIGINAL, document_from_case, facets, random_key
from cases.store import BrokenCase, broken_case
from cases.student_documents.document import case_from_student, case_id_of, film_file
from cases.whole_files import whole_file
from modeling.errors import CaseStoreError

OWN_PART = "viewbox"
READING: CodecOptions = CodecOptions(
    unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Other programs' strings and dates never stop a reading."""
_NOT_KEPT = ("_id", "facets", "random", "digest", ORIGINAL)


def document_from_student(raw: bytes, lake: str = "") -> dict[str, Any]:
    """A student document (BSON) in Viewbox's form, of which `student_from_document` makes the same bytes.

    `lake`: the source of documents that name none themselves, where somebody said it.
    """
    try:
        found = bson.decode(raw, READING)
    except BSONError as exc:
        raise BrokenCase("A document is not valid BSON; export it again from its database.") from exc
    case_id = case_id_of(found)
    if (own := _own_part(found, case_id)) is not None:
        return own
    document = document_from_case(case_from_student(found, case_id, lake), film_file(found, case_id))
    return {**document, ORIGINAL: _kept(raw, found["image_data"], document["film"]["bytes"])}


def student_from_document(document: Mapping[str, Any]) -> bytes:
    """A document of Viewbox's own form as a student document: the original where it was one, as BSON."""
    film, original, case_id = document["film"], document.get(ORIGINAL), document["ID"]
    image = b"" if film is None else bytes(film["bytes"])
    if original is not None:
        held, hole = bytes(original["bytes"]), original["hole"]
        raw = held if hole is None else held[: hole["at"]] + _spelt(image, hole) + held[hole["at"] :]
        if _sha256(raw) != original["original"]:
            raise broken_case(case_id, "the student document that it keeps is damaged")
        return raw
    own = {key: value for key, value in document.items() if key not in _NOT_KEPT}
    if film is not None:
        own["film"] = {key: value for key, value in film.items() if key != "bytes"}
    student = {
        "_id": ObjectId(hashlib.sha256(case_id.encode()).digest()[:12]),
        "ID": case_id,
        "image_filename": f"{case_id}.{film['encoding']}" if film else "",
        "image_data": base64.b64encode(image).decode(),
        "clinical_data": _clinical_data(document),
    }
    return bson.encode(student | {OWN_PART: own})


def _own_part(found: Mapping[str, Any], case_id: str) -> dict[str, Any] | None:
    """The document that `student_from_document` put into this one, unless its project changed it since."""
    own = found.get(OWN_PART)
    if not isinstance(own, Mapping) or own.get("ID") != case_id or "schema_version" not in own:
        return None
    document = dict(own)
    try:
        if document.get("film"):
            document["film"] = {**document["film"], "bytes": film_file(found, case_id)}
        document["facets"] = facets(document["provenance"]["source"], document["reference"])
        document["random"] = random_key(case_id)
        unchanged = found.get("clinical_data") == _clinical_data(document) and (
            not document["film"] or _sha256(document["film"]["bytes"]) == document["film"]["sha256"]
        )
    except (CaseStoreError, KeyError, TypeError, AttributeError):
        return None
    return document if unchanged else None


def _clinical_data(document: Mapping[str, Any]) -> dict[str, Any]:
    """Table, labels and texts under the names and units that `cases.student_documents.document` reads."""
    table = {
        name: f"{entry['value']:g} {entry['unit']}" if entry["unit"] else str(entry["value"])
        for name, entry in document["table"].items()
    }
    other = {entry["name"]: entry["value"] for entry in document.get("other", ())}
    return {**other, **table, **document["reference"], **document["text"], **document["report"]}


def _kept(raw: bytes, image_data: object, file: bytes) -> dict[str, Any]:
    """The original without what the film's file can spell again: that leaves a hole in it."""
    spelling = _spelling(image_data, file)
    text = b"" if spelling is None else _spelt(file, spelling)
    at = raw.find(text) if text else -1
    held = raw if at < 0 else raw[:at] + raw[at + len(text) :]
    hole = None if at < 0 else {"at": at, **(spelling or {})}
    return {"bytes": held, "hole": hole, "sha256": _sha256(held), "original": _sha256(raw)}


def _spelling(image_data: object, file: bytes) -> dict[str, Any] | None:
    """How a film's file is written in `image_data`, or None where only the original itself can say."""
    if isinstance(image_data, bytes) and image_data == file:
        return {"raw": True}
    text = image_data.decode("ascii", "replace") if isinstance(image_data, bytes) else str(image_data)
    prefix = text[: text.find(",") + 1] if text.startswith("data:") else ""
    body = text.removeprefix(prefix)
    first = re.search(r"\s+", body)
    spelling = {
        "raw": False,
        "prefix": prefix,
        "urlsafe": "-" in body or "_" in body,
        "padded": body.rstrip().endswith("=") or len(re.sub(r"\s+", "", body)) % 4 == 0,
        "width": first.start() if first else 0,
        "end": first.group() if first else "",
        "closed": body[-1:].isspace(),
    }
    return spelling if _spelt(file, spelling) == text.encode() else None


def _spelt(file: bytes, spelling: Mapping[str, Any]) -> bytes:
    if spelling["raw"]:
        return file
    text = (base64.urlsafe_b64encode if spelling["urlsafe"] else base64.b64encode)(file).decode()
    text = text if spelling["padded"] else text.rstrip("=")
    width = spelling["width"]
    if width:
        lines = [text[first : first + width] for first in range(0, len(text), width)]
        text = spelling["end"].join(lines) + (spelling["end"] if spelling["closed"] else "")
    return (spelling["prefix"] + text).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def name_of(raw: bytes) -> str:
    """The case ID of a student document, or what can be said of one that has none."""
    try:
        return case_id_of(bson.decode(raw, READING))
    except BSONError:
        return "a document that is no BSON"


def documents_in_lines(path: Path) -> Iterator[bytes]:
    """The documents of a file of MongoDB Extended JSON, one a line, as BSON."""
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007  # named by the refusal below
                if line.strip():
                    yield bson.encode(json_util.loads(line))
    except (OSError, UnicodeDecodeError) as exc:
        unreadable = "{file} cannot be read; export it again with mongoexport."
        raise CaseStoreError(unreadable, file=path.name) from exc
    except (ValueError, TypeError, BSONError) as exc:
        odd = "Line {number} of {file} is no document of Extended JSON; export it again with mongoexport."
        raise CaseStoreError(odd, number=number, file=path.name) from exc


def write_lines(path: Path, documents: Iterable[bytes]) -> int:
    """Write BSON documents as canonical Extended JSON, one a line, whole or not at all; returns how many."""
    count = 0
    try:
        with whole_file(path) as file:
            for raw in documents:
                found = bson.decode(raw, READING)
                line = json_util.dumps(found, json_options=json_util.CANONICAL_JSON_OPTIONS)
                file.write(line.encode() + b"\n")
                count += 1
    except OSError as exc:
        unwritable = "{file} cannot be written; free some space or choose another folder."
        raise CaseStoreError(unwritable, file=path.name) from exc
    return count
