"""Where findings stand: in our own hierarchy, and in ICD-10-CM."""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from interface.html.render import render
from interface.language.texts import Language, word_for
from modeling.findings.knowledge import ICD_RELEASE, Finding, knowledge


def code_row(name: str, finding: Finding, language: Language) -> dict[str, Any]:
    """What `codes.html` shows of a finding, under the name that it has here."""
    places = [word_for("class", place, language) for place in knowledge().path(finding)]
    return {"name": word_for("class", name, language), "places": places, "codes": finding.icd_path}


def codes(classes: Iterable[str], language: Language) -> Markup:
    """A fold with the code and the place of each class that is a known finding; empty where none is."""
    named = [(name, knowledge().of_class(name)) for name in classes]
    rows = [code_row(name, finding, language) for name, finding in named if finding is not None]
    return render("coded.html", language=language, rows=rows, release=ICD_RELEASE) if rows else Markup("")
