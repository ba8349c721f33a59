"""A quiz that a reload interrupted, taken up from what the reader's own browser kept of it.

The server keeps nothing of a quiz, so what comes back is the reader's word; it is checked for its form and
for belonging to the set that its code stands for, and it is nobody's score but theirs.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from interface.language.texts import known
from interface.quiz_tab.findings import is_answer
from interface.quiz_tab.rules import (
    CONFIDENCES,
    SIDE,
    Answer,
    Asked,
    Candidate,
    clean_code,
    drawn_set,
    fingerprint,
)
from interface.quiz_tab.score import CaseResult
from interface.quiz_tab.sitting import Committed, Sitting
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, TaskName

LESSON = "quiz.lesson_"
LONGEST_KEY = 40
_CLASSES = ("truth", "first", "second")
_SHARES = ("first_confidence", "second_confidence", "model_probability")
_OPTIONAL = ("iou_truth", "iou_map")


def committed_record(sitting: Sitting) -> dict[str, Any] | None:
    """What the reader committed to on the film on screen, for the browser; None before and after that."""
    if sitting.stage != "revise" or sitting.first is None:
        return None
    return {
        "class_name": sitting.first.class_name,
        "confidence": sitting.first.confidence,
        "mark": None if sitting.mark is None else _packed(sitting.mark),
    }


def code_of(record: object) -> str:
    """The code that a record tells of; empty where it tells of none."""
    return (isinstance(record, Mapping) and clean_code(str(record.get("code", "")))) or ""


def sitting_from(record: object, candidates: Sequence[Candidate]) -> Sitting:
    """The sitting that a record tells of, ready for its next film.

    Args:
        record: as `interface.quiz_tab.film.kept_record` made it.
        candidates: all cases that may be asked here and now.

    Raises:
        ViewboxError: the record is damaged, is over, or belongs to a set that is no longer here.
    """
    bad = ViewboxError(
        "What this browser kept of that quiz cannot be continued; start it again with its code."
    )
    if not isinstance(record, Mapping) or not isinstance(record.get("rows"), list):
        raise bad
    code, key = clean_code(str(record.get("code", ""))), str(record.get("key", ""))
    if code is None or not key.isalnum() or len(key) > LONGEST_KEY:
        raise bad
    asked = drawn_set(code, candidates)
    if fingerprint(asked) != record.get("set"):
        raise ViewboxError("The films behind that code are other ones now; start the quiz again.")
    done = len(record["rows"])
    if done >= len(asked):
        raise bad
    try:
        rows = [_row(raw, one, i) for i, (raw, one) in enumerate(zip(record["rows"], asked, strict=False), 1)]
        waiting = _committed(record.get("first"), asked[done].task)
    except (ValueError, TypeError, KeyError):
        raise bad from None
    return Sitting(code, asked, key=key, rows=rows, waiting=waiting)


def _row(raw: Mapping[str, Any], asked: Asked, number: int) -> CaseResult:
    raw = {"task": APPEARANCE} | dict(raw)
    row = CaseResult(**{f.name: raw[f.name] for f in fields(CaseResult)} | {"drill": asked.drill})
    sound = (row.number, row.case_id, row.task) == (number, asked.case_id, asked.task)
    sound = sound and row.lesson.startswith(LESSON) and (not row.model or is_answer(asked.task, row.model))
    sound = sound and known(row.lesson) and isinstance(row.marked, bool)
    sound = sound and all(is_answer(asked.task, getattr(row, name)) for name in _CLASSES)
    sound = sound and all(_is_share(getattr(row, name)) for name in _SHARES)
    sound = sound and all(getattr(row, n) is None or _is_share(getattr(row, n)) for n in _OPTIONAL)
    if not sound or (row.hit_truth is not None and not isinstance(row.hit_truth, bool)):
        raise ValueError(f"row {number} is damaged")
    return row


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _committed(raw: Mapping[str, Any] | None, task: TaskName) -> Committed | None:
    if raw is None:
        return None
    name, confidence, mark = raw["class_name"], raw["confidence"], raw["mark"]
    if not is_answer(task, name) or confidence not in CONFIDENCES:
        raise ValueError("the committed answer is damaged")
    return Committed(Answer(name, confidence), None if mark is None else _unpacked(mark))


def _packed(mask: np.ndarray) -> dict[str, Any]:
    rows, columns = mask.shape
    return {
        "rows": rows,
        "columns": columns,
        "bits": base64.b64encode(np.packbits(mask).tobytes()).decode(),
    }


def _unpacked(raw: Mapping[str, Any]) -> np.ndarray:
    rows, columns = raw["rows"], raw["columns"]
    if not all(type(side) is int and 1 <= side <= SIDE for side in (rows, columns)):
        raise ValueError("the mark is damaged")
    try:
        packed = np.frombuffer(base64.b64decode(raw["bits"], validate=True), np.uint8)
    except binascii.Error as exc:
        raise ValueError("the mark is damaged") from exc
    if len(packed) != -(-rows * columns // 8):
        raise ValueError("the mark is damaged")
    return np.unpackbits(packed, count=rows * columns).reshape(rows, columns).astype(bool)
