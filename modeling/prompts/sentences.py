"""Sentences that may be asked of a film: which are refused, how else each can be said, and its denial.

Frames and synonyms are declared in `wording.json`; further synonyms are those of `modeling.findings`.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modeling.errors import ViewboxError
from modeling.findings.knowledge import knowledge
from modeling.findings.placing import DENIES
from modeling.sentence import Sentence

LEAST, MOST = 2, 5
"""How many sentences a film is placed between."""
LONGEST = 300
"""Characters of a sentence."""
MOST_WAYS = 16
"""In how many ways a sentence is said at most, the reader's own among them."""
Unseen = Callable[[str], Sequence[str]]
"""Sentence -> those of its words that a text encoder has never seen."""

SYNTHETIC_ONLY = Sentence(
    "The model that reads these sentences learnt from synthetic films alone: what it says of a patient's"
    " film means nothing."
)
"""Said before the first number about a patient's film, where it is so."""
_CHINESE = re.compile("[\u3400-\u9fff]")
_OTHER_LETTER = re.compile("[^\\W\\d_a-zA-Z\u00c0-\u024f\u0370-\u03ff\u3400-\u9fff]")  # Greek: β, µ
_SMALL = {"a", "an", "and", "at", "in", "is", "are", "there", "of", "the"}
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")


@dataclass(frozen=True)
class _Wording:
    """How one language says the same thing in other ways."""

    phrase: tuple[str, ...]
    clause: tuple[str, ...]
    lead: re.Pattern[str]
    verb: re.Pattern[str]
    groups: tuple[tuple[str, ...], ...]
    stop: str
    edge: str


@cache
def _wordings() -> dict[str, _Wording]:
    found = {}
    for language, raw in json.loads(Path(__file__).with_name("wording.json").read_text("utf-8")).items():
        chinese = language != "en"
        edge = "" if chinese else r"\b"
        groups = [tuple(group) for group in raw["groups"]]
        if not chinese:
            every = knowledge().findings.values()
            groups += [tuple(phrase.casefold() for phrase in finding.phrases) for finding in every]
        found[language] = _Wording(
            tuple(raw["phrase"]),
            tuple(raw["clause"]),
            re.compile(rf"^(?:{raw['lead']}){edge}[\s:：]*", re.IGNORECASE),
            re.compile(rf"{edge}(?:{raw['verb']}){edge}", re.IGNORECASE),
            tuple(groups),
            "。" if chinese else ".",
            edge,
        )
    return found


def language_of(sentence: str) -> str:
    """In which language of `wording.json` a sentence is written."""
    return "zh-Hant" if _CHINESE.search(sentence) else "en"


def plain(sentence: str) -> str:
    """What two sentences have in common that differ in case, spaces and their last stop alone."""
    return " ".join(sentence.casefold().split()).rstrip(" .。!！;；")


# --- what is refused


def checked(sentences: object, unseen: Unseen) -> tuple[str, ...]:
    """Two to five sentences with their spaces set right.

    Raises ViewboxError: too few or too many; one is no text, empty, too long, in another language or of words
    that the text encoder has never seen; or two are equal.
    """
    listed = list(sentences) if isinstance(sentences, list | tuple) else []
    if len(listed) < LEAST:
        few = "A film is placed between sentences: write {least} to {most} of them."
        raise ViewboxError(few, least=LEAST, most=MOST)
    if len(listed) > MOST:
        many = "A film is placed between at most {most} sentences, not {number}; leave some out."
        raise ViewboxError(many, most=MOST, number=len(listed))
    found = tuple(checked_sentence(one, unseen, n) for n, one in enumerate(listed, start=1))
    same = [plain(one) for one in found]
    for second, one in enumerate(same):
        if one in same[:second]:
            equal = "Sentences {first} and {second} are the same; write two different ones."
            raise ViewboxError(equal, first=same.index(one) + 1, second=second + 1)
    return found


def checked_sentence(sentence: object, unseen: Unseen, number: int | None = None) -> str:
    """One sentence with its spaces set right; of several a refusal names its number. Raises as `checked`."""
    which = Sentence("The sentence") if number is None else Sentence("Sentence {number}", number=number)
    if not isinstance(sentence, str):
        raise ViewboxError("{which} is no text; write what may be on the film.", which=which)
    asked = " ".join(sentence.split())
    if not re.search(r"\w", asked):
        raise ViewboxError("{which} is empty; write what may be on the film.", which=which)
    if len(asked) > LONGEST:
        too_long = "{which} has {length} characters; write one sentence of at most {most}."
        raise ViewboxError(too_long, which=which, length=len(asked), most=LONGEST)
    if _OTHER_LETTER.search(asked):
        another = (
            "'{words}' is in a language that this model does not read; write it in English or Traditional"
            " Chinese."
        )
        raise ViewboxError(another, words=_short(asked))
    strange = (word for word in unseen(asked) if word.casefold() not in _framing())
    words = [one for word in strange for one in _strange_signs(word, unseen)]
    if words:
        raise ViewboxError(
            "The model has never seen these words and can say nothing of them: {words}; use words of English"
            " or Traditional Chinese reports on chest films.",
            words=_short(", ".join(dict.fromkeys(words))),
        )
    return asked


def _strange_signs(word: str, unseen: Unseen) -> Sequence[str]:
    """A word that was never seen; of a Chinese one, a whole stretch of writing, such characters."""
    return ([sign for sign in word if unseen(sign)] if _CHINESE.search(word) else []) or [word]


def _short(words: str) -> str:
    return words if len(words) <= 80 else f"{words[:80]}…"


@cache
def _framing() -> frozenset[str]:
    """The words of the frames, which say nothing of a film."""
    frames = " ".join(frame for one in _wordings().values() for frame in (*one.phrase, *one.clause))
    return frozenset(_WORD.findall(frames.casefold())) | _SMALL


# --- said in other ways


@dataclass(frozen=True)
class Ways:
    """One sentence said in other ways: those whose words the text encoder knows, and how many others."""

    said: tuple[str, ...]
    unseen: int


def other_ways(sentence: str, unseen: Unseen, most: int = MOST_WAYS - 1) -> Ways:
    """The sentence in other frames and with other words for the same things; the same ones each time."""
    said, left_out, known = [], 0, {plain(sentence)}
    for way in _ways(sentence):
        if plain(way) in known:
            continue
        known.add(plain(way))
        if any(word.casefold() not in _framing() for word in unseen(way)):
            left_out += 1
        elif len(said) < most:
            said.append(way)
    return Ways(tuple(said), left_out)


def _ways(sentence: str) -> Iterator[str]:
    """In the plain frame with each other word, in each other frame, then both."""
    wording = _wordings()[language_of(sentence)]
    core = wording.lead.sub("", sentence.strip()).rstrip(" .。")
    frames = wording.clause if wording.verb.search(core) else wording.phrase
    cores = [core, *_other_words(core, wording)]
    for frame, own in [
        *((frames[0], c) for c in cores),
        *((frame, core) for frame in frames[1:]),
        *((frame, c) for c in cores[1:] for frame in frames[1:]),
    ]:
        if wording.edge and frame[0] != "{":
            own = own[:1].lower() + own[1:]
        way = frame.format(x=own) + wording.stop
        yield way[:1].upper() + way[1:]


def _other_words(core: str, wording: _Wording) -> Iterator[str]:
    """The sentence with one of its phrases said otherwise; what lies inside a longer phrase stays."""
    found = [
        (match.span(), group)
        for group in wording.groups
        for phrase in group
        if (match := _pattern(phrase, wording.edge).search(core)) is not None
    ]
    found.sort(key=lambda one: one[0][0] - one[0][1])  # the longest first, the declared before findings' own
    taken: list[tuple[int, int]] = []
    for (start, end), group in found:
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            continue
        taken.append((start, end))
        for other in group:
            if other != core[start:end].casefold():
                yield (
                    _with_article(f"{core[:start]}{other}{core[end:]}")
                    if wording.edge
                    else (f"{core[:start]}{other}{core[end:]}")
                )


@cache
def _pattern(phrase: str, edge: str) -> re.Pattern[str]:
    return re.compile(f"{edge}{re.escape(phrase)}{edge}", re.IGNORECASE)


def _with_article(sentence: str) -> str:
    """ "a opacity" and "an shadow" set right."""
    return re.sub(
        r"\b(a)n?(?= ([a-z]))",
        lambda m: m[1] + ("n" if m[2].casefold() in "aeiou" else ""),
        sentence,
        flags=re.IGNORECASE,
    )


# --- denied


def denial(sentence: str) -> str:
    """The sentence's denial; of one that denies, what it denies. Exactly one of the two is true of a film."""
    wording = _wordings()[language_of(sentence)]
    core = wording.lead.sub("", sentence.strip()).rstrip(" .。")
    if DENIES.search(core):
        denied = DENIES.sub("", core, count=1).strip()
    else:
        denied = _denied(core, wording) if wording.edge else _denied_in_chinese(core, wording)
    return denied[:1].upper() + denied[1:] + wording.stop


def _denied(core: str, wording: _Wording) -> str:
    for said, unsaid in ((r"\bwithout\b", "with"), (r"\s+not\b", "")):
        if re.search(said, core, re.IGNORECASE):
            return re.sub(said, unsaid, core, count=1, flags=re.IGNORECASE)
    verb = wording.verb.search(core)
    if verb is not None and verb.group().casefold() in ("is", "are", "was", "were"):
        return f"{core[: verb.end()]} not{core[verb.end() :]}"
    return "no " + re.sub(r"^(?:an?|the)\s+", "", core[:1].lower() + core[1:], flags=re.IGNORECASE)


def _denied_in_chinese(core: str, wording: _Wording) -> str:
    for said, unsaid in (
        ("沒有", "有"),
        ("未", ""),
        ("無", "有"),
        ("不", ""),
        ("可見", "未見"),
        ("有", "沒有"),
    ):
        if said in core:
            return core.replace(said, unsaid, 1)
    verb = wording.verb.search(core)
    return f"沒有{core}" if verb is None else f"{core[: verb.start() + 1]}不{core[verb.start() + 1 :]}"
