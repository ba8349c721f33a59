"""Every string of the page, in each language that there is a file of here (`en.json`, `zh-Hant.json`).

Labels of components go through `marker` (gradio translates them in the browser, by the browser's language);
what Viewbox draws itself goes through `say`, and what `modeling` and `cases` tell the reader through
`translated`, both with the language that the browser asked for.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.i18n import I18nData

from modeling.labels import NOTHING, REST, Target
from modeling.sentence import Names, Sentence, own_word

Language = str
"""A language's tag (BCP 47), which is the name of its file."""


@dataclass(frozen=True)
class Catalogue:
    """One language's file.

    Attributes:
        name: what the language calls itself.
        tag: what gradio calls it.
        strings: key -> string of the page, with {name} where a value stands.
        sentences: English template of a `Sentence` -> template in this language, with the same names in
            braces. The English file has none: the templates are English.
    """

    name: str
    tag: str
    strings: Mapping[str, str]
    sentences: Mapping[str, str]


def read_catalogues(folder: Path) -> dict[Language, Catalogue]:
    """Every language of a folder, English first; what a file lacks is said in English."""
    found: dict[Language, Catalogue] = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: (path.stem != "en", path.stem)):
        raw = json.loads(path.read_text(encoding="utf-8"))
        english = found["en"].strings if found else {}
        about = raw["language"]
        strings = {**english, **raw["strings"]}
        found[path.stem] = Catalogue(about["name"], about["tag"], strings, raw.get("sentences", {}))
    return found


CATALOGUES = read_catalogues(Path(__file__).parent)
LANGUAGES = CATALOGUES.keys()


# --- the page's own strings


class Count(int):
    """A large number that each language counts in its own units: {n:millions} is 3.5, {n:myriads} is 350."""

    def __format__(self, spec: str) -> str:
        shown = {"millions": f"{self / 1e6:.1f}", "myriads": f"{self / 1e4:,.0f}"}
        return shown.get(spec) or super().__format__(spec)


def known(key: str) -> bool:
    """Whether the page has a string of this key."""
    return key in CATALOGUES["en"].strings


def say(key: str, language: Language, **values: object) -> str:
    """The page's string of a key, with its values in the braces."""
    return CATALOGUES[language].strings[key].format(**values)


Kind = Literal[
    "class", "modality", "task", "aside", "section", "field", "verdict", "method", "about", "scale", "source",
    "reader", "licence", "checkpoint", "about.reading", "about.arm", "about.audit.row",
]  # fmt: skip
"""Kinds of names from `modeling`; the first part of a key."""


def word_for(kind: Kind, name: str, language: Language, otherwise: str = "") -> str:
    """The reader's word for a name from `modeling`, its own first; where there is none, `otherwise` or the
    name itself."""
    carried = own_word(name, language) if kind in ("class", "task") else ""
    return carried or CATALOGUES[language].strings.get(f"{kind}.{name}", otherwise or name.replace("_", " "))


def question(target: Target, language: Language) -> str:
    """A target as a question, "Typical rather than Negative"; the class alone where it stands alone."""
    name = word_for("class", target.class_name, language)
    if target.against == NOTHING:
        return name
    rest = say("target.rest", language)
    other = rest if target.against == REST else word_for("class", target.against, language)
    return say("target.question", language, target=name, against=other)


def value_word(value: str, language: Language) -> str:
    """The reader's word for a category or for unknown; a number stays as it is, and most units do."""
    strings = CATALOGUES[language].strings
    word = strings.get("form.unknown" if value == "unknown" else f"value.{value}")
    if word:
        return word
    number, _, unit = value.partition(" ")
    return f"{number} {strings[f'value.{unit}']}" if f"value.{unit}" in strings else value


def field_label(name: str, language: Language) -> str:
    """The reader's word for a clinical field."""
    return say(f"field.{name}", language)


def listed(words: Iterable[str], language: Language, joint: str = ", ") -> str:
    """Words in a row, joined as the language joins them; `joint` is the English one."""
    return CATALOGUES[language].strings[f"joint.{joint.strip()}"].join(words)


def words_for(kind: Kind, names: Iterable[str], language: Language, joint: str = ", ") -> str:
    """The reader's words for several names, joined as the language joins them."""
    return listed((word_for(kind, name, language) for name in names), language, joint)


def title_in(title: Mapping[str, str], language: Language) -> str:
    """A case's title or teaching note in the reader's language, else in English; empty where it has none."""
    return title.get(language) or title.get("en", "")


# --- sentences of modeling and cases


def translated(sentence: str, language: Language) -> str:
    """A `Sentence` in the reader's language, with what fills it; as it is where the language lacks it."""
    if language == "en":
        return str(sentence)
    template = getattr(sentence, "template", sentence)
    values: Mapping[str, Any] = getattr(sentence, "values", {})
    own = CATALOGUES[language].sentences.get(template)
    if own is None:
        return str(sentence)
    return Sentence(own, **{name: _worded(value, language) for name, value in values.items()})


def _worded(value: Any, language: Language) -> Any:
    if isinstance(value, Sentence):
        return translated(value, language)
    return _named(value, language) if isinstance(value, Names) else value


def _named(names: Names, language: Language) -> str:
    strings = CATALOGUES[language].strings
    words = [own_word(name, language) or strings.get(f"{names.kind}.{name}", name) for name in names.names]
    if names.kind == "field":  # in a sentence without its unit
        words = [re.split(r" \(|（", word)[0] for word in words]
    return listed(words, language, names.joint)


WORDS = (say, word_for, words_for, field_label, value_word, listed, title_in, translated, question)
"""The functions that a template speaks with."""


# --- the browser's language


def preferred(accept_language: str | None) -> Language:
    """The language for a browser's Accept-Language header: any Chinese gets Traditional Chinese."""
    for part in (accept_language or "").split(","):
        primary = part.partition(";")[0].strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if primary == language.partition("-")[0]:
                return language
    return "en"


_MARKED: set[str] = set()


def translations() -> gr.I18n:
    """What has been marked, in every language, as gradio wants it: a tenth of the strings, which each page
    carries."""
    marked = sorted(_MARKED)
    return gr.I18n(**{one.tag: {key: one.strings[key] for key in marked} for one in CATALOGUES.values()})


def marker(key: str, otherwise: str = "") -> str:
    """A component's label, which the browser words; `otherwise` where no language has the key.

    For labels of the page as it is built; what a handler answers goes through `say`.
    """
    if otherwise and not known(key):
        return otherwise
    assert known(key), key
    _MARKED.add(key)
    return I18nData(key)
