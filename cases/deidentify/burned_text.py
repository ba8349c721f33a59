"""Text burned into a film, read: what names nobody (a side marker, "PORTABLE") is told from what may.

PP-OCR (rapidocr, Apache-2.0), whose weights come with its package, finds lines of any height and reads them;
the look of letters (`pixels.py`) adds lines that it does not see. A line is held against a film unless every
word of it is one that technicians set. Nothing that is read is kept, shown or logged. How much is found is
measured in docs/deidentification.md.
"""

import difflib
import importlib.util
import logging
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cases.deidentify.pixels import TextLine, text_lines
from cases.deidentify.rules import UNSPACED
from modeling.errors import StudyError

logger = logging.getLogger(__name__)
EDGE = 2048
"""Longer side, in pixels, that larger films are reduced to: letters of 10 pixels are read, of 6 are not."""
SURE = 0.5
"""Mean probability of the letters read below which a line is structure of the film and no text."""
ALIKE = 0.85
"""Likeness (difflib) from which a word counts as a marker: one letter of eight may be another."""
SHORTEST = 3
"""Letters besides markers from which a line may name somebody, a Chinese character counted as two: initials
of a technician are two, and one character is how a clip or an electrode is read."""
_MARKERS = frozenset((
    "LEFT", "RIGHT", "LAT", "LATERAL", "PA", "AP", "PORT", "PORTABLE", "MOBILE", "BEDSIDE", "ERECT",
    "UPRIGHT", "SUPINE", "PRONE", "SITTING", "STANDING", "SEMI", "SEMIERECT", "DECUB", "DECUBITUS",
    "INSP", "EXP", "INSPIRATION", "EXPIRATION", "CHEST", "THORAX", "XRAY", "CXR", "VIEW",
    "BETTAUFNAHME", "LIEGEND", "STEHEND", "SITZEND", "RECHTS", "LINKS", "DEBOUT",
    "COUCHE", "床邊", "立位", "臥位",
))  # fmt: skip


def can_read() -> bool:
    """Whether the packages that read are installed; without them, letters are told by their look alone."""
    return all(map(importlib.util.find_spec, ("rapidocr", "onnxruntime")))


def naming_lines(pixels: np.ndarray) -> list[TextLine]:
    """Lines of text in (H, W) values of any depth that may name somebody, most letters first.

    Raises StudyError: the reader fails, so that nobody can say that the film was looked at.
    """
    seen = text_lines(pixels)
    if not can_read():
        return seen
    read = _read(pixels)
    naming = [line for line, words in read if _may_name(words)]
    harmless = [line for line, words in read if not _may_name(words)]
    naming += [line for line in seen if not any(_overlap(line, marker) for marker in harmless)]
    return sorted(naming, key=lambda line: -line.letters)


def _may_name(words: str) -> bool:
    left = "".join(word for word in re.findall(r"[^\W_]+", words.upper()) if not _is_marker(word))
    return len(left) + len(re.findall(UNSPACED, left)) >= SHORTEST


def _is_marker(word: str) -> bool:
    """Also with a letter read wrongly."""
    return word in _MARKERS or bool(difflib.get_close_matches(word, _MARKERS, n=1, cutoff=ALIKE))


def _read(pixels: np.ndarray) -> list[tuple[TextLine, str]]:
    gray = _eight_bits(pixels)
    try:
        answer = _reader()(np.stack([gray] * 3, axis=-1))  # (h, w, 3) uint8
    except Exception as exc:  # memory, or whatever ends a network that takes any size
        logger.warning("The reader of burned-in text failed (%s).", type(exc).__name__)
        raise StudyError("The film could not be searched for burned-in text; import it again.") from exc
    height, width = gray.shape
    found = []
    for box, words in zip(answer.boxes, answer.txts, strict=True) if answer.txts else ():
        (left, top), (right, bottom) = box.min(0), box.max(0)
        place = (top / height, left / width, (bottom - top) / height, (right - left) / width)
        found.append((TextLine(*map(float, place), letters=len(words)), words))
    return found


def _overlap(one: TextLine, other: TextLine) -> bool:
    apart = (
        one.left > other.left + other.width or other.left > one.left + one.width
        or one.top > other.top + other.height or other.top > one.top + one.height
    )  # fmt: skip
    return not apart


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """(h, w) uint8, at most `EDGE` pixels a side: all gray values but a thousandth at either end, and beyond
    them half as much again, where a print may be brighter than any film."""
    low, high = np.percentile(pixels[:: max(1, len(pixels) // 500)], (0.1, 99.9))
    beyond = max(high - low, 1.0) / 2
    low, high = max(low - beyond, float(pixels.min())), min(high + beyond, float(pixels.max()))
    gray = np.clip((pixels - np.float32(low)) * np.float32(255 / max(high - low, 1.0)), 0, 255)
    film = Image.fromarray(gray.astype(np.uint8))
    film.thumbnail((EDGE, EDGE), Image.Resampling.BOX)
    return np.asarray(film)


@cache
def _reader() -> Any:
    import rapidocr

    weights = Path(rapidocr.__file__).with_name("models")  # named, so that nothing is ever fetched
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": EDGE,
            "Global.text_score": SURE,
            "Global.use_cls": False,
            "Det.model_path": str(weights / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(weights / "PP-OCRv6_rec_small.onnx"),
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # an import works on many films at once
        }
    )
