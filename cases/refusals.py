"""The refusals of every store, in the same words: one sentence with the case ID and what to do."""

import re
from typing import Any

from cases.store import MAX_PAGE, CaseFilter
from modeling.errors import CaseNotFoundError, CaseStoreError
from modeling.sentence import Sentence

MAX_ID_LENGTH = 200


class BrokenCase(CaseStoreError):
    """One case cannot be read; the store itself answers, and its other cases are not concerned."""


def check_case_id(case_id: object) -> str:
    """The case ID, if every store can keep it in one order: 1 to 200 printable characters, or it raises."""
    if isinstance(case_id, str) and 0 < len(case_id) <= MAX_ID_LENGTH and case_id.isprintable():
        return case_id
    no_id = "A case ID is 1 to {limit} printable characters, not '{case}'; correct the ID."
    raise BrokenCase(no_id, limit=MAX_ID_LENGTH, case=shown(case_id))


def check_query(where: CaseFilter, *texts: object, limit: int = 1) -> None:
    """Refuse a filter or an ID that is not text, and a page of another size than 1 to 1,000."""
    for text in (where.source, where.appearance, where.grading, where.text, *texts):
        if text is not None and not _is_text(text):
            raise CaseStoreError("A case ID or filter is plain text; write it again as text.")
    if not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise CaseStoreError("A page holds 1 to {limit} cases; choose a size in that range.", limit=MAX_PAGE)


def broken_case(case_id: str, problem: str, /, **values: Any) -> BrokenCase:
    """A stored case that cannot be read; `problem` is a clause with its values, or a whole sentence."""
    return BrokenCase(
        "Case '{case}' is broken in the store ({problem:clause}); store it again from its source, or choose"
        " another case.",
        case=shown(case_id),
        problem=Sentence(problem, **values),
    )


def case_not_found(case_id: str) -> CaseNotFoundError:
    """No case has this ID."""
    absent = "There is no case '{case}'; check the ID or choose one from the list."
    return CaseNotFoundError(absent, case=shown(case_id))


def ambiguous_case(case_id: str) -> BrokenCase:
    """Two documents claim the ID, and none of them can be taken for the case."""
    several = "More than one document has the ID '{case}'; give each its own ID, or choose another case."
    return BrokenCase(several, case=shown(case_id))


def read_only() -> CaseStoreError:
    """The store was opened without `write`."""
    return CaseStoreError("This case store is open for reading only; open it for writing to store a case.")


def shown(case_id: object) -> str:
    """A case ID inside a sentence: on one line, at most 80 characters."""
    text = "".join(c if c.isprintable() else "?" for c in str(case_id))
    return text if len(text) <= 80 else text[:79] + "…"


def _is_text(value: object) -> bool:
    """True for text that UTF-8 can carry; a lone surrogate cannot be sent to any server."""
    return isinstance(value, str) and not re.search(r"[\ud800-\udfff]", value)
