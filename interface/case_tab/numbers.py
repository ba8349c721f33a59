"""An attribution as numbers to take away: a table of parts, fields and words, and the map as arrays."""

import csv
import io

import numpy as np

from interface.session.session import Session


def table_of(session: Session) -> bytes:
    """CSV in UTF-8, one row each for the answer, every part, field and word; attributions in logits."""
    found = session.explanation.attribution
    assert found is not None, "numbers before their explanation"
    rows: list[tuple[object, ...]] = [
        ("answer", found.target.slug, found.output, found.output - found.baseline_output),
        ("baseline", found.baseline, found.baseline_output, ""),
        ("unexplained", "", "", found.convergence_delta),
        *(("part", str(part), "", value) for part, value in found.modality_share.logits.items()),
        *(("field", f.name, "" if f.value is None else f.value, f.attribution) for f in found.fields),
        *((f"word of {w.section}", w.word, f"{w.start}-{w.end}", w.attribution) for w in found.words),
    ]
    text = io.StringIO()
    csv.writer(text).writerows([("kind", "name", "value", "attribution in logits"), *rows])
    return text.getvalue().encode("utf-8-sig")


def arrays_of(session: Session) -> bytes:
    """NPZ with `map` (h, w), signed, over the whole film, and what it belongs to as text."""
    known = session.explanation
    assert known.attribution is not None and known.shown is not None and session.host is not None
    image = known.shown.image
    state, target = session.host.state, known.attribution.target
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        map=np.zeros((0, 0), np.float32) if image is None else np.asarray(image, np.float32),
        case=session.case.case_id if session.case else "",
        target=target.slug,
        method=known.method,
        baseline=known.attribution.baseline,
        checkpoint=state.name,
        revision=state.revision,
    )
    return buffer.getvalue()
