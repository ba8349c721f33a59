"""A sentence for a reader that any language can word: an English template and what stands in its braces."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

NameKind = Literal[
    "modality", "task", "class", "section", "field", "value", "file", "source", "link.part", "name",
]  # fmt: skip
"""Kinds of names in a sentence: a `value` is a field's category, a `file` a kind of file, a `name` plain."""
SOURCE_NAMES = {
    "actualmed": "Actualmed", "cohen": "Cohen", "figure1": "Figure 1", "hannover": "Hannover", "nih": "NIH",
    "openi": "Open-i", "phantom": "synthetic films", "ricord": "RICORD", "siim": "SIIM",
}  # fmt: skip
"""What readers call the sets of films, in English."""
_LOGIN = re.compile(r"(?<=[A-Za-z0-9+.:-]:)(//?)[^\s'\"]*@")


def without_login(text: str) -> str:
    """A text in which no address has a user and a password, however it is misspelt: "mongo://…@host"."""
    return _LOGIN.sub(r"\1…@", text)


class Sentence(str):
    """An English sentence (or a clause of one) that still knows its template and its values.

    It is the English text and may go wherever text goes; `interface.language` words the template in the
    reader's language, and in it every value that is a `Sentence` or `Names`. No address in it keeps its
    password. Without values the template is the text itself, braces and all. A sentence inside another one
    loses its full stop where the template says {name:clause}.

    Example:
        >>> Sentence("The file has {size:.0f} MB; choose a smaller one.", size=91.7)
        'The file has 92 MB; choose a smaller one.'
    """

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> "Sentence":
        """A template (or a sentence as it is) and its values."""
        if isinstance(template, Sentence) and not values:
            return template
        values = {name: without_login(v) if type(v) is str else v for name, v in values.items()}
        made = super().__new__(cls, without_login(template.format(**values) if values else template))
        made.template, made.values = without_login(str(template)), values
        return made

    def __format__(self, spec: str) -> str:
        return str(self).rstrip(".。") if spec == "clause" else super().__format__(spec)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Sentence, self.template, **self.values), ()


class Name(str):
    """A name as `modeling` calls it that still knows what readers do: language tag -> word.

    Equal to the bare name. Most have no words of their own: those stand in `interface/language/`.
    """

    words: Mapping[str, str]

    def __new__(cls, name: str, words: Mapping[str, str] | None = None) -> "Name":
        """A name and its words."""
        made = super().__new__(cls, name)
        made.words = dict(words or {})
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Name, (str(self), self.words)


def own_word(name: str, language: str) -> str:
    """What a `Name` itself says that readers call it, in English where it lacks the language; "" for none."""
    words: Mapping[str, str] = getattr(name, "words", {})
    return words.get(language) or words.get("en", "")


@dataclass(frozen=True)
class Names:
    """One name or several, as `modeling` calls them ("image", "d_dimer"), inside a sentence.

    Each language words and lists them in its own way; `joint` stands between them in English.
    """

    kind: NameKind
    names: Iterable[str]
    joint: Literal[", ", " or ", " or the ", " and ", " and the "] = ", "

    def __post_init__(self) -> None:
        names = (self.names,) if isinstance(self.names, str) else self.names
        kept = tuple(name if isinstance(name, Name) else str(name) for name in names)
        object.__setattr__(self, "names", kept)

    def __str__(self) -> str:
        return self.joint.join(self._english(name) for name in self.names)

    def _english(self, name: str) -> str:
        if self.kind == "source":
            return SOURCE_NAMES.get(name, name)
        return own_word(name, "en") or (name.replace("_", " ") if self.kind == "field" else name)
