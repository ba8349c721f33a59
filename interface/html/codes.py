"""Where findings stand: in our own hierarchy, and in ICD-10-CM."""

from collections.abc import Iterable

from markupsafe import Markup

from interface.html.render import render
from interface.language.texts import Language, word_for
from modeling.findings.knowledge import ICD_RELEASE, knowledge


def codes(classes: Iterable[str], language: Language) -> Markup:
    """A fold with the code and the place of each class that is a known finding; empty where none is."""
    known = knowledge()
    named = [(name, known.of_class(name)) for name in classes]
    rows = [
        {
            "name": word_for("class", name, language),
            "places": [word_for("class", place, language) for place in known.path(finding)],
            "codes": finding.icd_path,
        }
        for name, finding in named
        if finding is not None
    ]
    return render("codes.html", language=language, rows=rows, release=ICD_RELEASE) if rows else Markup("")
