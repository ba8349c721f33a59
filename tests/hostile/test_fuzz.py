"""Fuzzers on what strangers send: films, phrases, reports, documents, and the files of a Hub repo.

Whatever comes in is read or refused in a sentence. `make fuzz` looks longer.
"""

import copy
import io
import json
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cases.document import case_from_document, document_from_case, summary_from_document
from cases.reading.upload import film_of_base64, read_upload
from cases.student_documents.conversion import document_from_student
from interface.about_tab.facts import read_facts
from interface.about_tab.results import (
    calibrated,
    ceilings,
    fusion,
    maps,
    missing,
    one_task,
    phantoms,
    summary,
)
from interface.reports_tab.tab import miner_of
from modeling.configuration import FusionConfig, ProcessorConfig
from modeling.errors import ViewboxError
from modeling.reports.report import Report
from modeling.study import ClinicalTable
from tests.doubles.example_cases import full_case, student_document
from tests.hostile.films import chunk, dicom, small_jpeg
from tests.hostile.requests import VALUES

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
LONGEST = 5.0
"""Seconds of a core that one input may take."""
fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES < 100,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SHIPPED = Path(__file__).parents[2] / "hub_config" / "checkpoints"
ENDS = (
    "", "=", "...", "... 9", "* * *", "|", "effusion*", "heart ... enlarged", "no", "[", "]", "\\", "'", '"',
    "sections = [", "[findings.Effusion]\n", "\n", "FINDINGS:", ".", "\x00", "\u202e", "病", "9" * 30,
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(ENDS), st.text(max_size=12)), max_size=30).map(" ".join)


def refused_or(read: Any, *given: Any) -> Any:
    """What is read; None where it is refused in one sentence."""
    started = time.process_time()
    try:
        return read(*given)
    except ViewboxError as exc:
        assert str(exc) and "\n" not in str(exc) and "Traceback" not in str(exc)
        return None
    finally:
        assert time.process_time() - started < LONGEST


@cache
def films() -> tuple[bytes, ...]:
    """Small films of every kind."""
    made = []
    for kind, options in (("PNG", {}), ("PNG", {"bits": 16}), ("JPEG", {"progressive": True})):
        file = io.BytesIO()
        mode = "I;16" if options.get("bits") else "L"
        Image.new(mode, (80, 80), 90).save(file, kind, **options)
        made.append(file.getvalue())
    made.append(
        made[0][:33] + chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0") + made[0][33:]
    )
    tags = {
        (8, 0x60): (b"CS", b"DX"), (0x28, 2): (b"US", b"\1\0"), (0x28, 4): (b"CS", b"MONOCHROME2 "),
        (0x28, 0x10): (b"US", b"\x50\0"), (0x28, 0x11): (b"US", b"\x50\0"), (0x28, 0x100): (b"US", b"\x10\0"),
        (0x28, 0x101): (b"US", b"\x0c\0"), (0x28, 0x102): (b"US", b"\x0b\0"), (0x28, 0x103): (b"US", b"\0\0"),
        (0x28, 0x1050): (b"DS", b"2000"), (0x28, 0x1051): (b"DS", b"4000"),
    }  # fmt: skip
    elements = b"".join(
        group.to_bytes(2, "little")
        + element.to_bytes(2, "little")
        + vr
        + len(value).to_bytes(2, "little")
        + value
        for (group, element), (vr, value) in tags.items()
    )
    pixels = bytes(range(128)) * 100
    whole = elements + b"\xe0\x7f\x10\0OW\0\0" + len(pixels).to_bytes(4, "little") + pixels
    return (*made, small_jpeg(), dicom(whole))


@st.composite
def spoilt(draw: st.DrawFn, whole: bytes, head: int = 700) -> bytes:
    """Bytes of which some, mostly near the beginning, are others, gone, or there twice."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, min(head, len(data)) if draw(st.booleans()) else len(data)))
        more = draw(st.binary(max_size=8))
        gone = draw(st.sampled_from((0, len(more), len(more), 40, len(data))))
        data[at : at + gone] = more
    return bytes(data)


JUNK = st.one_of(
    st.sampled_from(VALUES), st.text(max_size=8), st.floats(), st.integers(), st.binary(max_size=9)
)


@st.composite
def altered(draw: st.DrawFn, whole: dict[str, Any], junk: st.SearchStrategy[Any] = JUNK) -> dict[str, Any]:
    """A document of which a few parts are something else or gone."""
    whole = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        inside: Any = whole
        while inside:
            key = draw(st.sampled_from(list(inside) if isinstance(inside, dict) else range(len(inside))))
            if not isinstance(inside[key], dict | list) or draw(st.integers(0, 3)) == 0:
                if draw(st.booleans()):
                    inside[key] = copy.deepcopy(draw(junk))
                else:
                    del inside[key]
                break
            inside = inside[key]
    return whole


def test_the_films_that_are_spoilt_can_be_read():
    assert [read_upload(film).shape for film in films()] == [(80, 80)] * 4 + [(128, 128), (80, 80)]


@given(st.data())
@fuzzed
def test_a_spoilt_film_is_read_or_refused(data):
    film = data.draw(st.sampled_from(films()).flatmap(spoilt))
    refused_or(read_upload, film, data.draw(st.text(max_size=9)))
    refused_or(film_of_base64, data.draw(TEXTS))


@given(TEXTS, TEXTS)
@fuzzed
def test_rules_and_reports_of_any_kind_are_read_or_refused(rules, report):
    miner = refused_or(miner_of, rules) or miner_of("")
    refused_or(lambda: miner.label(Report.from_text(report)))


@given(st.dictionaries(st.sampled_from(("age", "sex", "crp", "view_position", "x")), JUNK))
@fuzzed
def test_clinical_values_of_any_kind_are_read_or_refused(values):
    refused_or(ClinicalTable.from_raw, values)


@given(altered(document_from_case(full_case())))
@fuzzed
def test_a_spoilt_document_is_read_or_refused(document):
    refused_or(case_from_document, document)
    if "ID" in document:
        summary_from_document(document)


@given(spoilt(bson.encode(student_document("7", age=63, note={"a": [1, "b"]}))))
@fuzzed
def test_a_spoilt_student_document_is_read_or_refused(raw):
    refused_or(document_from_student, raw)


NUMBERS = {
    name: json.loads((SHIPPED / "film" / name).read_text("utf-8"))
    for name in ("metrics.json", "localisation.json", "fusion_comparison.json")
}
AS_JSON = st.one_of(st.sampled_from([v for v in VALUES if v != "\ud800"]), st.text(max_size=8), st.floats())


@pytest.mark.parametrize(
    ("kind", "file"), [(FusionConfig, "config.json"), (ProcessorConfig, "preprocessor_config.json")]
)
def test_a_spoilt_configuration_is_read_or_refused(kind, file, tmp_path):
    whole = (SHIPPED / "indications" / file).read_bytes()

    @given(
        st.one_of(spoilt(whole), altered(json.loads(whole), AS_JSON).map(lambda d: json.dumps(d).encode()))
    )
    @fuzzed
    def read(content):
        (tmp_path / file).write_bytes(content)
        refused_or(kind.read, tmp_path / file)

    read()


def test_spoilt_numbers_of_a_checkpoint_leave_a_page_that_can_be_read(tmp_path):
    @given(
        st.sampled_from(list(NUMBERS)).flatmap(lambda n: st.tuples(st.just(n), altered(NUMBERS[n], AS_JSON)))
    )
    @fuzzed
    def read(spoilt_file):
        name, content = spoilt_file
        for file, numbers in {**NUMBERS, name: content}.items():
            (tmp_path / file).write_text(json.dumps(numbers), encoding="utf-8")
        facts = read_facts(tmp_path)
        shown = [panel(facts, "en") for panel in (summary, maps, phantoms, fusion, ceilings, calibrated)]
        shown += [one_task(entry, "en") for entry in facts.tasks.values()]
        assert None not in [*shown, missing(facts, "en", drawn=True)]

    read()
