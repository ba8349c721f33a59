"""What teachers get: a set as questions for their course, and the results of a class.

The questions are made in memory and saved by the browser. Students' result files never reach the server: the
browser reads them (`assets/quiz_class.js`) and forgets them with the page.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from cases.case import Case
from interface.case_tab.export_panel import taken
from interface.html.render import render
from interface.language.texts import CATALOGUES, Language, marker, say
from interface.quiz_tab.question_bank import Question, gift, moodle_xml, question_of
from interface.quiz_tab.rules import Asked
from modeling.errors import ViewboxError

Value = dict[str, Any]
FORMATS: dict[str, tuple[Callable[[Sequence[Question], str], str], str]] = {
    "moodle": (moodle_xml, "moodle.xml"),
    "gift": (gift, "gift.txt"),
}
"""Name of a format -> what writes it, and how its file's name ends."""
_MOUNT = """
const mount = () => window.viewboxClass?.mount
  ? window.viewboxClass.mount(element, props, watch)
  : setTimeout(mount, 20);
mount();
"""


def teachers_panel() -> dict[str, Any]:
    """Lay out the panel, closed: `exports` by format, `taken` hands over a file, `group` is the class."""
    with gr.Accordion(marker("quiz.teachers"), open=False, elem_id="vb-quiz-teachers"):
        with gr.Row(equal_height=False):
            exports = {
                name: gr.Button(marker(f"quiz.export_{name}"), min_width=130, elem_id=f"vb-quiz-{name}")
                for name in FORMATS
            }
        done = taken("vb-quiz-taken")
        group = scripted("vb-quiz-class", _MOUNT, ("quiz.class_", "class."))
    return {"exports": exports, "taken": done, "group": group}


def scripted(elem_id: str, mount: str, families: tuple[str, ...]) -> gr.HTML:
    """A place that a script of the browser fills, with the words whose keys begin so in every language."""
    words = {
        language: {key: text for key, text in one.strings.items() if key.startswith(families)}
        for language, one in CATALOGUES.items()
    }
    fixed = {"html_template": str(render("mount.html")), "js_on_load": mount, "apply_default_css": False}
    return gr.HTML({}, elem_id=elem_id, words=words, **fixed)


def exported(
    kind: str, code: str, asked: Sequence[Asked], case_of: Callable[[str], Case], language: Language
) -> Value:
    """A set as a file for the browser to save.

    Args:
        case_of: gives a case by its ID.

    Raises:
        ViewboxError: none of its films may be passed on.
    """
    cases = [(case_of(one.case_id), one, number) for number, one in enumerate(asked, 1)]
    questions = [question_of(*one, language) for one in cases if one[0].licence.may_export]
    if not questions:
        raise ViewboxError("No film of this set may be passed on; choose another code or another question.")
    write, ending = FORMATS[kind]
    told = say("quiz.exported", language, n=len(questions), total=len(asked), code=code)
    if len(questions) < len(asked):
        told += " " + say("quiz.export_left", language, n=len(asked) - len(questions))
    text, name = write(questions, f"Viewbox/{code}"), f"viewbox-quiz-{code}-{ending}"
    return {"kind": "file", "told": told, "turn": time.monotonic_ns(), "name": name, "html": text}
