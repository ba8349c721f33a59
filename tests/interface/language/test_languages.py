"""A language is one file: what it lacks is said in English, and no code knows its name."""

import json
import string
from pathlib import Path

import gradio as gr
import pytest

from interface.html.fragments import banner
from interface.language import texts
from interface.language.texts import CATALOGUES, preferred, read_catalogues, say, translated, translations
from modeling.sentence import SOURCE_NAMES, Names, Sentence

FOLDER = Path(texts.__file__).parent


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_a_file_is_whole_and_in_order(path):
    text = path.read_text(encoding="utf-8")
    raw, english = json.loads(text), json.loads((FOLDER / "en.json").read_text(encoding="utf-8"))
    assert raw["strings"].keys() == english["strings"].keys()
    for key, own in raw["strings"].items():
        assert own and blanks(own) == blanks(english["strings"][key]), key
    ordered = {k: dict(sorted(v.items())) if k != "language" else v for k, v in raw.items()}
    assert text == json.dumps(ordered, ensure_ascii=False, indent=2) + "\n", (
        "keep keys sorted: diffs stay small"
    )


def test_the_sets_of_films_are_called_the_same_at_every_door():
    english = {k: s for k, s in CATALOGUES["en"].strings.items() if k.startswith("source.")}
    assert english == {f"source.{name}": called for name, called in SOURCE_NAMES.items()}


@pytest.fixture
def klingon(tmp_path, monkeypatch):
    """A third language, in a folder of its own: one file, with a few strings and one sentence."""
    for path in FOLDER.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    made = {
        "language": {"name": "tlhIngan Hol", "tag": "tlh"},
        "strings": {
            "choose.range": "{count}: {first}-{last}",
            "modality.image": "mIllogh",
            "joint.or the": " pagh ",
        },
        "sentences": {
            "There is nothing that this checkpoint reads; give the {modalities}.": "{modalities} yInob!"
        },
    }
    (tmp_path / "tlh.json").write_text(json.dumps(made), encoding="utf-8")
    for language, catalogue in read_catalogues(tmp_path).items():
        monkeypatch.setitem(CATALOGUES, language, catalogue)
    return "tlh"


def test_a_third_language_is_one_file(klingon):
    assert list(texts.LANGUAGES) == ["en", "zh-Hant", klingon]
    assert say("choose.range", klingon, first=1, last=2, count=3) == "3: 1-2"
    sentence = Sentence(
        "There is nothing that this checkpoint reads; give the {modalities}.",
        modalities=Names("modality", ("image", "text"), " or the "),
    )
    assert translated(sentence, klingon) == "mIllogh pagh text yInob!"
    assert preferred("tlh-CA,en;q=0.5") == klingon and preferred("zh-HK") == "zh-Hant"
    assert ">tlhIngan Hol</a>" in banner(klingon) and 'hreflang="tlh"' in banner("en")
    assert isinstance(translations(), gr.I18n) and "tlh" in translations().translations_dict


def test_what_a_language_lacks_is_said_in_english(klingon):
    assert say("choose.open", klingon) == say("choose.open", "en")
    assert translated(Sentence("The {what} is unknown.", what="case"), klingon) == "The case is unknown."
