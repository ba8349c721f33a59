"""Chinese sentences in words: whole terms, every character once, and nothing of other writing."""

import pytest

from cases.phantom import description
from modeling.prompts.chinese import chinese_words


def words(sentence: str) -> list[str]:
    return [sentence[start:end] for start, end in chinese_words(sentence)]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("右側可見中等量肋膜積液。", "右側 可見 中等量 肋膜積液"),
        ("僅左肺有陰影", "僅 左肺 有 陰影"),
        ("左肺部有毛玻璃狀陰影", "左肺部 有 毛玻璃狀 陰影"),
        ("左下肺野有氣胸，範圍小", "左下 肺野 有 氣胸 範圍 小"),
        ("COVID肺炎 38 右肺", "肺炎 右肺"),
        ("鼻胃管與貓", "鼻胃管 與 貓"),
        ("The lungs are clear.", ""),
        ("", ""),
    ],
)
def test_whole_words_as_few_as_there_can_be(sentence: str, parts: str) -> None:
    assert words(sentence) == parts.split()


def test_most_of_what_phantoms_say_is_in_whole_words() -> None:
    every: list[str] = []

    def read(part: object) -> None:
        for one in [part] if isinstance(part, str) else part.values() if isinstance(part, dict) else part:
            every.append(one) if isinstance(one, str) else read(one)

    read(description._words("zh-Hant"))
    found = [word for sentence in every for word in words(sentence)]
    assert sum(len(word) > 1 for word in found) > 0.75 * len(found)


def test_a_long_sentence_takes_no_time() -> None:
    assert words("肺" * 300) == ["肺"] * 300
