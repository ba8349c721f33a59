"""The class page in a real browser: thirty result files are read there alone, and each bad one is named."""

import json
import re
from pathlib import Path

import pytest

from interface.quiz_tab.score import CaseResult, as_csv
from tests.interface.browser.test_browser_access import faults
from tests.interface.browser.visit import shoot

pytestmark = pytest.mark.browser
STUDENTS, FILMS = 30, 8


def answers(student: int) -> list[CaseResult]:
    """Eight films; every third student switches to right on the first, every fifth to wrong on the second."""
    rows = []
    for number in range(1, FILMS + 1):
        first = "Negative" if number == 1 and student % 3 == 0 else "Typical"
        second = "Atypical" if number == 2 and student % 5 == 0 else "Typical"
        right = number <= 4
        truth = "Typical" if right else "Severe"
        rows.append(
            CaseResult(number, f"CASE-{number:04d}", truth, first, 0.5, second, 0.9, "Negative", 0.8, False)
        )
    return rows


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Thirty students' files, every tenth as JSON, as the quiz writes them."""
    made = []
    for student in range(STUDENTS):
        rows = [row for row in answers(student) if row.number <= FILMS - (student == 7)]
        path = tmp_path / f"student-{student:02d}.csv"
        if student % 10 == 0:
            path = path.with_suffix(".json")
            record = {"code": "7b", "set": "abc123", "key": str(student), "rows": [vars(row) for row in rows]}
            path.write_text(json.dumps(record), encoding="utf-8")
        else:
            path.write_text("\ufeff" + as_csv(rows, "7b", "abc123"), encoding="utf-8", newline="")
        made.append(path)
    return made


def distinct(files: list[Path]) -> None:
    """Give each student a confidence of their own, so that no two files say the same."""
    for student, path in enumerate(files):
        text, sure = path.read_text(encoding="utf-8"), f"{0.3 + student / 100:.4f}"
        if path.suffix == ".json":
            record = json.loads(text)
            record["rows"][0]["first_confidence"] = float(sure)
            path.write_text(json.dumps(record), encoding="utf-8")
        else:
            path.write_text(text.replace("0.5000", sure, 1), encoding="utf-8", newline="")


def choose(page, paths: list[Path]) -> None:
    page.get_by_role("tab", name=re.compile("^(Quiz|測驗)$")).click()
    teachers = page.locator("#vb-quiz-teachers button").first
    if not page.locator("#vb-quiz-class input").is_visible():
        teachers.click()
    page.wait_for_selector("#vb-quiz-class input[type=file]")
    page.locator("#vb-quiz-class input").set_input_files([str(path) for path in paths])


def cells(page, row: str) -> list[str]:
    line = page.locator(f"#vb-quiz-class tr:has(th:text-is('{row}'))")
    return [" ".join(text.split()) for text in line.locator("td").all_inner_texts()]


def test_thirty_files_show_the_class_and_nothing_leaves_the_browser(
    page, files, tmp_path: Path, tmp_path_factory
) -> None:
    distinct(files)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    choose(page, files)
    page.wait_for_selector("#vb-quiz-class :text('30 result files of set abc123.')")
    # 239 answers; 10 switched to right on film 1, 6 to wrong on film 2, 4 films are right for all the others.
    right, after = cells(page, "Right answers (95 % interval)")
    assert re.fullmatch(r"46 % \(4\d % to 4\d %\)", right), right
    assert re.fullmatch(r"48 % \(4\d % to [45]\d %\)", after), after
    first = cells(page, "1. CASE-0001")
    assert first[:2] == ["Typical", "Negative"] and first[2:4] == ["20 of 30", "30 of 30"]
    assert first[4].startswith("10 student-00, student-03") and first[5] == "0"
    assert first[6] == "45 % → 90 %"
    second = cells(page, "2. CASE-0002")
    assert second[2:4] == ["30 of 30", "24 of 30"] and second[5].startswith("6 student-00, student-05")
    assert cells(page, "8. CASE-0008")[2] == "0 of 29", "one student stopped early"
    shoot(page, tmp_path_factory, "class-thirty")
    assert faults(page, "class") == []
    assert not any("student-" in body or "CASE-0001,Typical" in body for body in sent)
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert "student-" not in kept
    page.locator(".vb-class-clear").click()
    page.wait_for_function("() => !document.querySelector('#vb-quiz-class table')")
    bad_ones_are_named(page, files, tmp_path, "en")


BAD: dict[str, tuple[str | bytes, str]] = {
    "notes.csv": ("a,b\n1,2\n", "notes.csv is no result file of the quiz"),
    "photo.csv": (b"\x89PNG\x00\xff", "photo.csv is no result file of the quiz"),
    "broken.json": ('{"rows": 3', "broken.json is no result file of the quiz"),
    "list.json": ("[]", "list.json is no result file of the quiz"),
    "empty.csv": (as_csv([], "7b", "abc123"), "empty.csv holds no film that was finished"),
    "other.csv": (
        as_csv(answers(1), "8c", "ffffff"),
        "other.csv belongs to set ffffff, the class to set abc123",
    ),
    "sure.csv": (
        as_csv(answers(1), "7b", "abc123").replace("0.9000", "9", 1),
        "sure.csv is damaged: line 1 has a second_confidence",
    ),
    "large.csv": ("quiz,set\n" + "x" * 2_100_000, "large.csv is larger than a result file can be"),
    "script.csv": (as_csv(answers(2), "<img src=x onerror=alert(1)>", "abc123"), ""),
}


def bad_ones_are_named(browser, files, tmp_path: Path, language: str) -> None:
    """Each in one sentence, beside two that are sound."""
    for name, (content, _) in BAD.items():
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    twin = tmp_path / "twin.csv"
    twin.write_bytes(files[1].read_bytes())
    choose(browser, [files[1], files[2], twin, *(tmp_path / name for name in BAD)])
    browser.wait_for_selector("#vb-quiz-class table")
    told = browser.locator("#vb-quiz-class .vb-class-results > .vb-note").all_inner_texts()
    for name, (_, sentence) in BAD.items():
        of = [line for line in told if name in line]
        assert len(of) == bool(sentence), (name, told)
        if language == "en":
            assert not sentence or of[0].startswith(sentence), of
    assert sum("twin.csv" in line for line in told) == 1
    assert browser.locator("#vb-quiz-class img").count() == 0
    if language != "en":
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
        assert browser.locator("#vb-quiz-class h3").inner_text() == "全班結果"


def test_each_bad_file_is_named_in_one_sentence_on_a_phone_too(phone, files, tmp_path: Path) -> None:
    distinct(files)
    bad_ones_are_named(phone, files, tmp_path, "zh-Hant")
