"""Sentences of reports with planted identities, in nine languages: what free text may name somebody by.

Names and frames are in `tests/data/planted_identities.json`, written by hand; numbers and days are drawn.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path

DATA = json.loads(Path(__file__).parents[1].joinpath("data", "planted_identities.json").read_text())
UNSPACED = ("chinese", "japanese", "korean")
_FULL_WIDTH = {ord(c): ord(c) + 0xFEE0 for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
_CHINESE = "〇一二三四五六七八九"
_COMPOUND = ("歐陽", "司馬", "范姜", "張簡")


@dataclass(frozen=True)
class Planted:
    """A sentence, and the parts of it that must be gone when it is clean."""

    language: str
    kind: str
    text: str
    secrets: tuple[str, ...]

    def is_gone_from(self, cleaned: str) -> bool:
        """Whether no part of what was planted stays, in any case."""
        left = re.sub(r"\[[a-z0-9 ]+\]", "\0", cleaned).casefold()
        return not any(secret.casefold() in left for secret in self.secrets)


def planted_names() -> Iterator[Planted]:
    """Every name in a frame of every kind; those held out under a language of their own."""
    held_out = DATA["held out"]
    for language, about in DATA.items():
        if language in ("note", "held out"):
            continue
        for kind in (kind for kind in about if kind != "names"):
            for name, frame in zip(about["names"], cycle(about[kind]), strict=False):
                yield _named(language, kind, name, frame)
            for name, frame in zip(held_out.get(language, ()), cycle(about[kind]), strict=False):
                yield replace(_named(language, kind, name, frame), language=f"{language}, held out")


def _named(language: str, kind: str, name: str, frame: str) -> Planted:
    if language in UNSPACED:
        family = next((f for f in _COMPOUND if name.startswith(f)), name[0])
        pairs = tuple(name[i : i + 2] for i in range(len(name) - 1))
        secrets = (family + frame.split("{family}")[1][0],) if "{family}" in frame else pairs
        return Planted(language, kind, frame.format(name=name, family=family), secrets)
    first, _, last = name.partition(" ")
    forms = {
        "name": name, "NAME": name.upper(), "small": name.lower(), "first": first, "last": last,
        "small_last": last.lower(), "initial": name[0] if language == "english" else last[0],
    }  # fmt: skip
    used = set(re.findall(r"{(\w+)}", frame))
    words = [*([first] if used & {"name", "NAME", "small", "first"} else []),
             *(last.split() if used & {"name", "NAME", "small", "last", "small_last"} else [])]  # fmt: skip
    parts = {part for word in words for part in re.split(r"['-]", word) if len(part) > 2 or "-" not in word}
    return Planted(language, kind, frame.format(**forms), tuple(sorted(parts - {"de", "la", "O"})))


def planted_numbers(count: int, seed: int = 0) -> Iterator[Planted]:
    """`count` sentences of each kind of day, number, age, address and place."""
    rng = random.Random(seed)
    for language, kinds in {"english": _ENGLISH, "chinese": _TAIWAN, "other languages": _OTHER}.items():
        for kind, frames in kinds.items():
            for make, _ in zip(cycle(frames), range(count), strict=False):
                text, *written = make(rng)
                yield Planted(language, kind, text, tuple(p for one in written for p in _pieces(one)))


def _pieces(written: str) -> set[str]:
    """What must not stay of a day, number or place: three characters in a row with a digit, words of three
    letters, two Chinese ones; a year alone may stay."""
    year = re.match(r"\d+年|(?:19|20)\d\d(?=\W)|", written)[0]  # type: ignore[index]  # it may be empty
    rest = re.sub(r"\W(?:19|20)\d\d$", "", written[len(year) :])
    windows = {rest[i : i + 3] for i in range(len(rest) - 2)}
    words = re.findall(r"[^\W\d_]{3,}", rest) if rest.isascii() else re.findall(r"[\u3400-\u9fff]{2}", rest)
    return {w for w in windows if any(map(str.isdigit, w))} | {
        w for w in words if w not in ("old", "year", "aged")
    }


def _digits(rng: random.Random, count: int) -> str:
    return str(rng.randint(1, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(count - 1))


def _any(rng: random.Random, words: str) -> str:
    return rng.choice(words.split())


def _day(rng: random.Random) -> date:
    return date(1931, 1, 1) + timedelta(rng.randrange(33_000))


def _id(rng: random.Random) -> str:
    return rng.choice("ABCDEFGHJKLMNPQRSTUVXY") + rng.choice("12") + _digits(rng, 8)


def _in_chinese(number: int) -> str:
    """1 to 31 as days and months are spoken."""
    tens, ones = divmod(number, 10)
    return ("" if not tens else ("十" if tens == 1 else _CHINESE[tens] + "十")) + (
        _CHINESE[ones] if ones else ""
    )


Maker = Callable[[random.Random], tuple[str, ...]]
"""Draws a sentence and then its secrets."""


def _dated(frame: str, form: str) -> Maker:
    """A day in a form of `strftime`, with %R for the year of the Republic (1912 is its first)."""

    def make(rng: random.Random) -> tuple[str, ...]:
        day = _day(rng)
        written = day.strftime(form.replace("%R", str(max(day.year - 1911, 10))))
        return frame.format(written), written

    return make


def _numbered(frame: str, draw: Callable[[random.Random], str]) -> Maker:
    def make(rng: random.Random) -> tuple[str, ...]:
        written = draw(rng)
        return frame.format(written), written

    return make


def _spaced_id(rng: random.Random) -> tuple[str, ...]:
    whole = _id(rng)
    cut = rng.choice(((1, 4, 7, 10), (2, 6, 10), (1, 2, 4, 6, 8, 10), tuple(range(1, 11))))
    parts = [whole[a:b] for a, b in zip((0, *cut[:-1]), cut, strict=True)]
    sign = rng.choice((" ", " ", "-"))
    return f"身分證字號 {sign.join(parts)} 已核對", sign.join(parts[:2]), sign.join(parts[-2:])


def _spoken_day(rng: random.Random) -> tuple[str, ...]:
    day = _day(rng)
    year = "".join(_CHINESE[int(c)] for c in str(day.year))
    written = f"{year}年{_in_chinese(day.month)}月{_in_chinese(day.day)}日"
    return f"病人於{written}住院", written[5:]


_ENGLISH: dict[str, list[Maker]] = {
    "day in numbers": [
        _dated("Compared with the film of {}.", form)
        for form in ("%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%m/%d/%y")
    ],
    "day in words": [
        _dated("Admitted on {} with cough.", form) for form in ("%B %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d")
    ],
    "record number": [
        _numbered("MRN {}, cough.", lambda rng: _digits(rng, 7)),
        _numbered("Accession: {}.", lambda rng: f"A-{_digits(rng, 5)}-X"),
        _numbered("Patient ID {}.", lambda rng: _digits(rng, 8)),
        _numbered("SSN {}", lambda rng: f"{_digits(rng, 3)}-{_digits(rng, 2)}-{_digits(rng, 4)}"),
        _numbered("Hospital no. {}.", lambda rng: f"H{_digits(rng, 6)}"),
    ],
    "telephone, mail": [
        _numbered("Call +1 415-{} with the result.", lambda rng: f"555-{_digits(rng, 4)}"),
        _numbered("Tel. {}.", lambda rng: f"020 7946 {_digits(rng, 4)}"),
        _numbered("Write to {} please.", lambda rng: f"p{_digits(rng, 4)}@example.org"),
    ],
    "age above 89": [
        _numbered("A {} woman with cough.", lambda rng: f"{rng.randint(90, 104)}-year-old"),
        _numbered("{} with fever.", lambda rng: f"{rng.randint(90, 99)} yo"),
        _numbered("Patient is {}.", lambda rng: f"aged {rng.randint(90, 104)}"),
    ],
    "address, hospital": [
        _numbered(
            "Lives at {} Street.",
            lambda rng: f"{rng.randint(2, 99)} {_any(rng, 'Marlow Gladstone Pinehurst')}",
        ),
        _numbered("Transferred from {} Hospital.", lambda rng: _any(rng, "Aldhelm Riverbend Marienstift")),
        _numbered("Springfield, {}.", lambda rng: f"IL {_digits(rng, 5)}"),
    ],
}
_TAIWAN: dict[str, list[Maker]] = {
    "day of the Republic, in numbers": [
        _dated("病患於 {} 住院。", "%R/%m/%d"),
        _dated("生日：{}", "%R.%m.%d"),
        _dated("與{}片子比較", "%R-%m-%d"),
    ],
    "day of the Republic, in words": [
        _dated("生於民國{}。", "%R年%m月%d日"),
        _dated("{}於急診", "%R年%m月%d日"),
    ],
    "day in numbers": [
        _dated("於{}住院", "%Y/%m/%d"),
        _dated("檢查日期：{}", "%Y-%m-%d"),
        _dated("{}出院", "%Y年%m月%d日"),
    ],
    "day in Chinese numbers": [_spoken_day],
    "person's number": [
        _numbered("身分證字號：{}", _id),
        _numbered("ID {} 已核對", _id),
        _numbered("病人{}女性", _id),
    ],
    "person's number, full width": [
        _numbered("身分證{}，女性", lambda rng: _id(rng).translate(_FULL_WIDTH)),
        _numbered("證號：{}", lambda rng: _id(rng).translate(_FULL_WIDTH)),
    ],
    "person's number with gaps": [_spaced_id],
    "record number": [
        _numbered("病歷號碼：{}", lambda rng: _digits(rng, 7)),
        _numbered("病歷號{}", lambda rng: _digits(rng, 8)),
        _numbered("健保卡號 {}", lambda rng: _digits(rng, 12)),
        _numbered("病歷號：{}", lambda rng: _digits(rng, 7).translate(_FULL_WIDTH)),
    ],
    "telephone": [
        _numbered("電話{}", lambda rng: f"09{_digits(rng, 2)}-{_digits(rng, 3)}-{_digits(rng, 3)}"),
        _numbered("手機 {}。", lambda rng: f"09{_digits(rng, 8)}"),
        _numbered("電話：{}", lambda rng: f"(02) {_digits(rng, 4)}-{_digits(rng, 4)}"),
    ],
    "age above 89": [
        _numbered("{}歲女性咳嗽", lambda rng: str(rng.randint(90, 104))),
        _numbered("年齡{}歲", lambda rng: "九十" + rng.choice(_CHINESE[1:])),
    ],
    "address, hospital": [
        _numbered(
            "住{}二段106號",
            lambda rng: _any(rng, "台北市大安區和平東路 高雄市苓雅區四維三路 花蓮縣吉安鄉中央路"),
        ),
        _numbered("由{}轉入", lambda rng: _any(rng, "高雄長庚醫院 台大醫院 安心診所")),
    ],
}
_OTHER: dict[str, list[Maker]] = {
    "day, number": [
        _dated("生年月日：{}", "%Y年%m月%d日"),
        _dated("생년월일 {}", "%Y년 %m월 %d일"),
        _dated("Дата: {}", "%d.%m.%Y"),
        _numbered("주민등록번호 {}", lambda rng: f"{_digits(rng, 6)}-{_digits(rng, 7)}"),
        _numbered(
            "رقم الملف {}", lambda rng: _digits(rng, 7).translate({48 + n: 0x660 + n for n in range(10)})
        ),
        _dated("vom {}", "%d. Oktober %Y"),
        _dated("el {}", "%d de marzo de %Y"),
    ],
}
