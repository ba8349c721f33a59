"""Every string of the page, in English and Traditional Chinese.

Labels of components go through `marker` (gradio translates them in the browser, by the browser's language);
what Viewbox draws itself goes through `say`, with the language that the browser asked for.
"""

from functools import cache
from typing import Literal

import gradio as gr

from interface.language.page_strings import CATALOGUE, FIELD_LABELS
from modeling.labels import NOTHING, REST, Target

Language = Literal["en", "zh-Hant"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-Hant")


def say(key: str, language: Language, **values: object) -> str:
    """A string of the page.

    Args:
        key: of the catalogue.
        values: what stands in its braces.
    """
    return CATALOGUE[key][LANGUAGES.index(language)].format(**values)


def word_for(
    kind: Literal["class", "modality", "task", "section", "verdict", "method", "about"],
    name: str,
    language: Language,
    otherwise: str = "",
) -> str:
    """The reader's word for a name from `modeling`; where there is none, `otherwise` or the name itself."""
    entry = CATALOGUE.get(f"{kind}.{name}")
    return entry[LANGUAGES.index(language)] if entry else otherwise or name.replace("_", " ")


def question(target: Target, language: Language) -> str:
    """What is asked, such as "Typical rather than Negative"; the class alone where it stands alone."""
    name = word_for("class", target.class_name, language)
    if target.against == NOTHING:
        return name
    rest = say("target.rest", language)
    other = rest if target.against == REST else word_for("class", target.against, language)
    return say("target.question", language, target=name, against=other)


def value_word(value: str, language: Language) -> str:
    """The reader's word for a category or for unknown; a number stays as it is, and most units do."""
    entry = CATALOGUE.get("form.unknown" if value == "unknown" else f"value.{value}")
    if entry:
        return entry[LANGUAGES.index(language)]
    number, _, unit = value.partition(" ")
    word = CATALOGUE.get(f"value.{unit}")
    return f"{number} {word[LANGUAGES.index(language)]}" if word else value


def field_label(name: str, language: Language) -> str:
    """The reader's word for a clinical field."""
    return FIELD_LABELS[name][LANGUAGES.index(language)]


def preferred(accept_language: str | None) -> Language:
    """The language for a browser's Accept-Language header: any Chinese gets Traditional Chinese."""
    for part in (accept_language or "").split(","):
        tag = part.partition(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-Hant"
        if tag.startswith("en"):
            return "en"
    return "en"


@cache
def translations() -> gr.I18n:
    """The catalogue as gradio wants it; browsers that ask for any Chinese get Traditional Chinese."""
    entries = CATALOGUE | {f"field.{name}": labels for name, labels in FIELD_LABELS.items()}
    english = {key: texts[0] for key, texts in entries.items()}
    chinese = {key: texts[1] for key, texts in entries.items()}
    names = ("zh", "zh-TW", "zh-HK", "zh-MO", "zh-SG", "zh-CN", "zh-Hant", "zh-Hans")
    return gr.I18n(en=english, **dict.fromkeys(names, chinese))


def marker(key: str, otherwise: str = "") -> str:
    """A component's label; the browser puts the string of its own language there.

    Args:
        otherwise: what it says where no language has the key.
    """
    if otherwise and key not in CATALOGUE:
        return otherwise
    assert key in CATALOGUE or key.removeprefix("field.") in FIELD_LABELS, key
    return translations()(key)
