"""The fuzzers of `test_fuzz` steered by coverage, for hours: `python -m tests.hostile.guided KIND [options]`.

atheris keeps what reaches new lines of Viewbox and changes that further, through hypothesis' own entry for
such tools. It ends with the input at the first thing that is neither read nor refused. Options are
libFuzzer's, such as `-max_total_time=300`, or a folder that keeps what was found.
"""

import sys

import atheris

with atheris.instrument_imports(include=["cases", "interface", "modeling"]):
    from tests.hostile import test_fuzz

KINDS = {
    "films": test_fuzz.test_a_spoilt_film_is_read_or_refused,
    "rules": test_fuzz.test_rules_and_reports_of_any_kind_are_read_or_refused,
    "values": test_fuzz.test_clinical_values_of_any_kind_are_read_or_refused,
    "documents": test_fuzz.test_a_spoilt_document_is_read_or_refused,
    "student_documents": test_fuzz.test_a_spoilt_student_document_is_read_or_refused,
}


def main() -> None:
    """Fuzz what the first argument names, until time, the reader or a fault ends it."""
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind not in KINDS:
        raise SystemExit(f"Name what to fuzz: {', '.join(KINDS)}.")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], KINDS[kind].hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
