"""What the `cases` collection promises: its indexes, the queries they serve, and the validator."""

from typing import Any

from cases.document import ORIGINAL

INDEXES: tuple[list[tuple[str, int]], ...] = (
    [("ID", 1)],
    [("facets", 1), ("ID", 1)],
    [("facets", 1), ("random", 1), ("ID", 1)],
)
"""`get` of either form; `page`, `step` and `count` of any filter, and the student documents (which have no
`facets`); `random` of any filter. Writers, sweep and converted student documents go by `_id`."""

_TEXT = {"bsonType": "string"}
_TEXTS = {"bsonType": "array", "items": _TEXT}
_WHOLE = {"bsonType": ["int", "long"]}
_FLAG = {"bsonType": "bool"}
_FILM_FIELDS = ("encoding", "sha256", "size", "height", "width", "dtype", "bits_stored", "photometric")
_OWN_FORM: dict[str, Any] = {
    "bsonType": "object",
    "required": [
        "ID",
        "schema_version",
        "facets",
        "random",
        "film",
        "table",
        "text",
        "report",
        "reference",
        "readings",
        "licence",
        "provenance",
    ],
    "properties": {
        "ID": {"bsonType": "string", "minLength": 1},
        "schema_version": _WHOLE,
        "facets": _TEXTS,
        "random": _WHOLE,
        "film": {
            "bsonType": ["object", "null"],
            "required": list(_FILM_FIELDS),
            "properties": {"sha256": _TEXT, "size": _WHOLE, "height": _WHOLE, "width": _WHOLE},
        },
        "thumbnail": {"bsonType": ["binData", "null"]},
        "table": {"bsonType": "object"},
        "text": {"bsonType": "object"},
        "report": {"bsonType": "object"},
        "reference": {"bsonType": "object"},
        "readings": {
            "bsonType": "array",
            "items": {"bsonType": "object", "required": ["reader", "task", "class_name"]},
        },
        "licence": {
            "bsonType": "object",
            "required": ["name", "may_show", "may_export"],
            "properties": {"name": _TEXT, "may_show": _FLAG, "may_export": _FLAG},
        },
        "provenance": {"bsonType": "object", "required": ["source", "patient", "attribution", "synthetic"]},
        "notes": _TEXTS,
        "ratings": {
            "bsonType": "array",
            "items": {"bsonType": "object", "required": ["reader", "scale", "value", "low", "high"]},
        },
        "regions": {
            "bsonType": "array",
            "items": {
                "bsonType": "object",
                "required": ["reader", "label", "box"],
                "properties": {"box": {"bsonType": "array", "minItems": 4, "maxItems": 4}},
            },
        },
        "title": {"bsonType": "object", "additionalProperties": _TEXT},
        "teaching_note": {"bsonType": "object", "additionalProperties": _TEXT},
        "digest": _TEXT,
        "origin": _TEXT,
        ORIGINAL: {"bsonType": "object", "required": ["sha256", "original"]},
    },
}
VALIDATOR: dict[str, Any] = {"$or": [{"schema_version": {"$exists": False}}, {"$jsonSchema": _OWN_FORM}]}
"""Documents without `schema_version` are student documents, which other programs go on writing freely."""
