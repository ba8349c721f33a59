"""Are the checks of prompts themselves right? Wordings, denials and word maps on films whose truth is known.

Each film with an opacity is placed between a true sentence on it and one on something that it lacks. Counted
is how often the true one wins, in all wordings too; how often a sentence and its denial are told apart; and
which checks the maps of the finding's word pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cases.phantom.description import LANGUAGES, Language
from evaluation.metrics.bootstrap import as_json, bracketed, measured, patient_draws
from modeling.model.shared_space import SharedSpace
from modeling.prompts.answer import ask_in_words
from modeling.prompts.sentences import denial
from modeling.prompts.word_maps import CHECKS, LEVELS, CheckedWord, checked_word
from modeling.study import Radiograph
from training.space.corpus import SpaceRow

_KINDS = {
    "ground glass": ("ground-glass opacity", "毛玻璃狀陰影"),
    "consolidation": ("consolidation", "肺實質化"),
    "lobar consolidation": ("lobar consolidation", "大葉性實質化"),
    "nodule": ("nodule", "單發結節"),
    "mass": ("mass", "大腫塊"),
    "cavity": ("cavity", "厚壁空洞"),
    "effusion": ("pleural effusion", "肋膜積液"),
    "pneumothorax": ("pneumothorax", "氣胸"),
}
"""Of what lies in one place: its words in both languages. Nothing here is taken from a result."""
_ZONES = {
    "right upper": ("in the right upper zone", "右上肺野"),
    "right mid": ("in the right mid zone", "右中肺野"),
    "right lower": ("in the right lower zone", "右下肺野"),
    "left upper": ("in the left upper zone", "左上肺野"),
    "left mid": ("in the left mid zone", "左中肺野"),
    "left lower": ("in the left lower zone", "左下肺野"),
    "right": ("on the right side", "右側"),
    "left": ("on the left side", "左側"),
}


@dataclass(frozen=True)
class _Question:
    """A film (its number) with a true and a false sentence, and the word of the true one's finding."""

    film: int
    true: str
    false: str
    word: str


def _sentence(kind: str, zone: str, language: Language) -> str:
    which = LANGUAGES.index(language)
    what, where = _KINDS[kind][which], _ZONES[zone][which]
    return f"There is a {what} {where}." if language == "en" else f"{where}有{what}。"


def questions(rows: Sequence[SpaceRow], language: Language, seed: int = 0) -> list[_Question]:
    """One for each film that shows one of the kinds in one place; the false one is of a kind it lacks."""
    rng, found = np.random.default_rng(seed), []
    for number, row in enumerate(rows):
        seen = [dict(one.blanks) for one in row.statements if one.opacity]
        named = [one for one in seen if one["kind"] in _KINDS and one["zone"] in _ZONES]
        absent = sorted({*_KINDS} - {one["kind"] for one in seen})
        if not named or len(absent) < 2:
            continue
        own, kind = named[rng.integers(len(named))], absent[rng.integers(len(absent))]
        true = _sentence(own["kind"], own["zone"], language)
        false = _sentence(kind, own["zone"], language)
        found.append(_Question(number, true, false, _KINDS[own["kind"]][0].split()[-1]))
    return found


def prompt_checks(
    space: SharedSpace, rows: Sequence[SpaceRow], most: int = 200, most_words: int = 60
) -> dict[str, Any]:
    """Wordings and denials in each language on `most` films, word maps on `most_words`."""
    asked = {language: questions(rows, language)[:most] for language in LANGUAGES}
    return {
        "chance": {"wins": 0.5, "denials": 0.5},
        **{language: _in_words(space, rows, asked[language]) for language in LANGUAGES},
        "word_maps": _words(space, rows, asked["en"][:most_words]),
    }


def _film(row: SpaceRow) -> Radiograph:
    return Radiograph(row.film)


def _in_words(space: SharedSpace, rows: Sequence[SpaceRow], asked: Sequence[_Question]) -> dict[str, Any]:
    draws = patient_draws(np.array([one.film for one in asked]))
    columns: dict[str, list[float]] = {}
    scale = float(space.model.scale("film_text"))
    for one in asked:
        film = _film(rows[one.film])
        answer = ask_in_words(space, film, [one.true, one.false], synthetic=True)
        image = space.embed_films([film])[0]
        texts = space.embed_texts([one.true, denial(one.true), one.false, denial(one.false)])
        true, untrue, false, unfalse = (scale * (texts @ image)).tolist()
        told = {
            "true sentence wins": answer.winner == 0,
            "same winner in every wording": answer.wording.kept == 1.0,
            "share moves by at most 0.2": answer.wording.high - answer.wording.low <= 0.2,
            "true sentence beats its denial": true > untrue,
            "denial of the false sentence beats it": unfalse > false,
            "both denials right": true > untrue and unfalse > false,
            "cosine of a sentence with its denial": answer.denial.likeness,
            "range of the share over wordings": answer.wording.high - answer.wording.low,
        }
        for name, value in told.items():
            columns.setdefault(name, []).append(float(value))
    return {"films": len(asked)} | {name: _mean(values, draws) for name, values in columns.items()}


def _mean(values: Sequence[float], draws: Any) -> dict[str, float]:
    column = np.asarray(values, np.float64)
    return as_json(measured(lambda w: w @ column / w.sum(axis=1), draws))


def _words(space: SharedSpace, rows: Sequence[SpaceRow], asked: Sequence[_Question]) -> dict[str, Any]:
    """How many maps of the finding's word pass each check; of maps that know nothing half pass "hiding"."""
    draws = patient_draws(np.array([one.film for one in asked]))
    found = [_checked(space, rows, one, asked[(n + 1) % len(asked)].film) for n, one in enumerate(asked)]
    shares = {
        name: [float(check.passed) for one in found for check in one.checks if check.name == name]
        for name in CHECKS
    }
    for level in LEVELS:
        shares[level] = [float(one.level == level) for one in found]
    return {"films": len(asked)} | {name: _mean(values, draws) for name, values in shares.items()}


def _checked(space: SharedSpace, rows: Sequence[SpaceRow], one: _Question, other: int) -> CheckedWord:
    start = one.true.index(one.word)
    pair = (one.true, one.false)
    return checked_word(space, _film(rows[one.film]), pair, 0, start, _film(rows[other]))


def lines(found: dict[str, Any]) -> str:
    """As a table to read."""
    told = []
    for part in (*LANGUAGES, "word_maps"):
        told.append(f"{part}: {found[part]['films']} films")
        rows = ((name, one) for name, one in found[part].items() if isinstance(one, dict))
        told += [f"  {name}: {bracketed(one['value'], one['95'])}" for name, one in rows]
    return "\n".join(told)
