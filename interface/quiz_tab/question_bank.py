"""A quiz as questions for a course, Moodle XML and GIFT: each with its film, reference answer and credit.

Formats as docs.moodle.org describes them ("Moodle XML format", "GIFT format", Moodle 4). Moodle XML carries
each film as a file of its question; GIFT has no files, so the film stands in the text as a data URL.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from cases.case import Case
from interface.case_tab.prediction_panel import reader_lines
from interface.html.fragments import case_name, provenance_line, title_in
from interface.html.pictures import film_url
from interface.html.render import render
from interface.language.texts import Language, say
from interface.quiz_tab.findings import NO_FINDING, findings_asked, parts_of, truth_of
from interface.quiz_tab.fragments import asking, definition, facts, named
from interface.quiz_tab.rules import Asked
from interface.quiz_tab.studies import picture_asked
from modeling.labels import Task

_SPECIAL = re.compile(r"[\\~=#{}:]")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What no XML 1.0 file may hold."""


@dataclass(frozen=True)
class Question:
    """One film with its question.

    Attributes:
        name: tells a teacher which film it is, by its title where it has one; no student sees it.
        film: its picture as a data URL, JPEG.
        options: each with its part of the grade in per cent; below 0 for a wrong one where several may hold.
        several: whether more than one option may be right.
        feedback: the reference, what it means, and the teacher's note, as HTML.
    """

    name: str
    film: str
    asked: str
    facts: str
    credit: str
    options: tuple[tuple[str, float], ...]
    several: bool
    feedback: str

    def text(self, source: str) -> str:
        """What a student reads, as HTML, with the film at an address."""
        return str(render("quiz/question.html", question=self, source=source))

    @property
    def file(self) -> str:
        """The film's JPEG file in base64."""
        return self.film.partition(",")[2]


def question_of(case: Case, asked: Asked, number: int, language: Language) -> Question:
    """The question on a film that may be shown and passed on."""
    truth, film = truth_of(case, asked.task), film_url(picture_asked(case, asked.task))
    assert film is not None and case.licence.may_export, case.case_id
    findings = findings_asked(case, asked.task)
    meaning, defined = title_in(case.teaching_note, language), definition(asked.task, truth, language)
    read = reader_lines(case, language)
    synthetic = f" · {say('film.synthetic', language)}" if case.provenance.synthetic else ""
    return Question(
        name=" ".join(f"{number}. {case_name(case, language)}".split()),
        film=film,
        asked=asking("ask", asked.task, language),
        facts=facts(case, asked.task, language),
        credit=provenance_line(case, language) + synthetic,
        options=tuple(
            (named(n, language, asked.task), part) for n, part in _options(truth, asked.task, findings)
        ),
        several=bool(findings),
        feedback=str(
            render(
                "quiz/feedback.html",
                truth=say("quiz.truth", language, name=named(truth, language, asked.task)),
                lines=[x for x in (defined, *read, meaning) if x],
            )
        ),
    )


def _options(truth: str, task: Task, findings: Sequence[str]) -> Iterable[tuple[str, float]]:
    """Every possible answer with its part of the grade; what is right adds up to 100 %."""
    if not findings:
        return [(name, 100.0 if name == truth else 0.0) for name in task.classes]
    right, every = parts_of(truth, task) or (NO_FINDING,), (*findings, NO_FINDING)
    wrong = len(every) - len(right)
    return [(name, 100 / len(right) if name in right else -100 / wrong) for name in every]


def moodle_xml(questions: Sequence[Question], category: str) -> str:
    """The questions as a file for Moodle's question bank."""
    return _NO_XML.sub("", str(render("quiz/moodle.html", questions=questions, category=category)))


def gift(questions: Sequence[Question], category: str) -> str:
    """The questions in GIFT, one after another with an empty line between."""
    return "\n\n".join([f"$CATEGORY: $course$/{category}", *map(_in_gift, questions)]) + "\n"


def _in_gift(question: Question) -> str:
    marks = [f"~%{p:.7g}%" if question.several else "=" if p > 0 else "~" for _, p in question.options]
    pairs = zip(marks, question.options, strict=True)
    options = "\n".join(mark + _plain(escape(name)) for mark, (name, _) in pairs)
    text, feedback = _plain(question.text(question.film)), _plain(question.feedback)
    return f"::{_plain(question.name)}::[html]{text} {{\n{options}\n####{feedback}\n}}"


def _plain(text: str) -> str:
    """Text whose special signs are escaped, on one line: an empty line would end the question."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
