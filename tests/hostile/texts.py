"""Texts that would do harm where somebody shows, computes or reads them as more than text."""

from dataclasses import replace
from pathlib import Path

from cases.case import Licence, Rating, Reading
from cases.parquet.store import EmbeddedCaseStore
from modeling.labels import APPEARANCE
from modeling.study import ClinicalText
from tests.doubles.example_reports import corpus

OVERRIDE = "\u202e"
"""Shows what follows from right to left: "gpj.exe" reads "exe.jpg"."""

MARKUP = (
    "<img src=x onerror=window.owned=1>",
    "\"><svg onload=window.owned=1><a href='",
    "<script>window.owned=1</script>",
    "</script></textarea></title><script>window.owned=1</script>",
    "<iframe srcdoc='<script>parent.owned=1</script>'></iframe>",
    "[click](javascript:window.owned=1) ![x](x) <javascript:window.owned=1>",
    "{{ 7*191 }} {% raw %} ${7*191} $x^2$",
    f"{OVERRIDE}gpj.exe",
)
ALL = " ".join(MARKUP)
SEEN = """() => {
  const inside = "img[src=x], [onerror], [onload], [srcdoc], [href^='javascript:' i]";
  return [window.owned ?? 0, document.querySelectorAll(inside).length,
    document.body.innerText.includes("1337") ? 1 : 0];
}"""
"""JavaScript that counts what of these became more than text."""


def make_hostile(folder: Path, text: str = ALL) -> None:
    """Put a text wherever the thirty cases of an embedded store hold text."""
    with EmbeddedCaseStore.open(str(folder), write=True) as store:
        for number, (report, _) in enumerate(corpus(30).values()):
            case = store.get(f"CASE-{number:04d}")
            said = dict.fromkeys(("en", "zh-Hant"), text)
            store.put(
                replace(
                    case,
                    study=replace(case.study, text=ClinicalText({"indication": f"Fever and cough. {text}"})),
                    licence=Licence(text, may_show=True, may_export=True),
                    provenance=replace(case.provenance, attribution=text, source=text[:60]),
                    report={"findings": f"{report} {text} No pneumothorax."},
                    readings=tuple(Reading(f"{text} {n}", APPEARANCE, "Typical") for n in range(2)),
                    ratings=(Rating(text, "geographic extent of opacities", 2.5, 0.0, 8.0),),
                    notes=(text,),
                    title=said,
                    teaching_note=said,
                )
            )
