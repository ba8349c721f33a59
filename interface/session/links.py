"""Links that restore a view: case, target, baseline, map, checkpoint, change of the study, what is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from interface.language.texts import LANGUAGES, Language, preferred
from interface.session.defects import DEFECTS
from modeling.configuration import TASK_NAME
from modeling.errors import ViewboxError
from modeling.explain.registry import method_names
from modeling.labels import TASKS, Target
from modeling.results import BASELINES
from modeling.sentence import Names

LANGUAGE = "lang"
LONGEST = 200
"""Characters of one value in a link."""
LONGEST_ASKED = 2_000
"""Characters of the sentences."""


@dataclass(frozen=True)
class Link:
    """A view that a link asks for; empty parts are left to the page.

    Attributes:
        change: one of `DEFECTS`.
        ask: sentences to ask of the film, one a line.
    """

    case: str = ""
    target: str = ""
    baseline: str = ""
    method: str = ""
    checkpoint: str = ""
    change: str = ""
    ask: str = ""

    def query(self, language: Language | None = None) -> str:
        """The address behind its `?`."""
        parts = {name: value for name, value in asdict(self).items() if value}
        return urlencode(parts | ({LANGUAGE: language} if language else {}), safe="/")

    @classmethod
    def read(cls, parameters: Mapping[str, str], checkpoints: Sequence[str]) -> "Link":
        """The link in an address, other parameters left alone; `LinkError` for what means nothing."""
        given = {name: str(parameters.get(name) or "").strip() for name in asdict(cls())}
        allowed = {
            "baseline": BASELINES,
            "method": method_names(),
            "checkpoint": tuple(checkpoints),
            "change": tuple(DEFECTS),
        }
        for name, value in given.items():
            longest = LONGEST_ASKED if name == "ask" else LONGEST
            if len(value) > longest or (value and name in allowed and value not in allowed[name]):
                raise LinkError(name, value)
        if not _names_a_target(given["target"]):
            raise LinkError("target", given["target"])
        return cls(**given)


def _names_a_target(slug: str) -> bool:
    """Whether it may; of a task that is not Viewbox's own only the checkpoint that declares it knows."""
    task, *names = slug.split("/")
    if task and task not in TASKS:
        return 1 <= len(names) <= 2 and all(names) and TASK_NAME.fullmatch(task) is not None
    try:
        return not slug or bool(Target.parse(slug))
    except ViewboxError:
        return False


class LinkError(ViewboxError):
    """A part of a link that means nothing here."""

    def __init__(self, part: str, value: str) -> None:
        self.part, self.value = part, value[:60]
        super().__init__(
            "This link's {part} '{value}' is not here; the usual view is shown instead.",
            part=Names("link.part", part),
            value=self.value,
        )


def language_of(parameters: Mapping[str, str], accept_language: str | None) -> Language:
    """The language that the address names, or else the browser's own."""
    named = parameters.get(LANGUAGE)
    return next((one for one in LANGUAGES if one == named), preferred(accept_language))
