"""The panel "Prove it": what the reader takes away, and what the answer is without it."""

from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr

from interface.case_tab.explanation_panel import rows_of_fields
from interface.html.render import percent, render, signed
from interface.html.whole_words import sayable
from interface.language.texts import Language, marker, question, say, word_for
from interface.session.session import PlaceTest
from modeling.results import Attribution, Claim, Proof


@dataclass(frozen=True)
class ProvePanel:
    """What can be taken away, and the answer without it."""

    fields: gr.CheckboxGroup
    words: gr.CheckboxGroup
    button: gr.Button
    reset: gr.Button
    result: gr.HTML


def prove_panel() -> ProvePanel:
    """Lay out the panel; rows and words appear with the first explanation."""
    with gr.Accordion(marker("prove.title"), open=False, elem_id="vb-prove"):
        gr.Markdown(marker("prove.hint"))
        hidden: dict[str, Any] = {"choices": [], "visible": False, "buttons": []}
        fields = gr.CheckboxGroup(label=marker("prove.fields"), elem_id="vb-prove-fields", **hidden)
        words = gr.CheckboxGroup(label=marker("prove.words"), elem_id="vb-prove-words", **hidden)
        with gr.Row(equal_height=False):
            button = gr.Button(
                marker("prove.button"), variant="primary", size="sm", min_width=120, elem_id="vb-prove-it"
            )
            reset = gr.Button(marker("prove.reset"), size="sm", min_width=120, elem_id="vb-prove-reset")
        result = gr.HTML(elem_id="vb-proof")
    return ProvePanel(fields, words, button, reset, result)


def field_choices(attribution: Attribution, language: Language) -> list[tuple[str, str]]:
    """The known clinical rows of an attribution, with what it claims for each."""
    known = {f.name for f in attribution.fields if f.value is not None}
    rows = rows_of_fields(attribution.fields, language)
    return [(f"{label} {value} ({signed(amount)})", n) for n, label, value, amount in rows if n in known]


def word_choices(attribution: Attribution) -> list[tuple[str, str]]:
    """An attribution's words in their order, with what it claims for each; the value is its positions."""
    return [
        (f"{word.word} ({signed(word.attribution)})", " ".join(map(str, places)))
        for word, places in sayable(attribution.words)
    ]


_ICON: dict[Claim, str] = {
    "kept": "✓",
    "exaggerated": "✗",
    "understated": "≈",
    "failed": "✗",
    "nothing_moved": "✗",
    "still": "–",
    "moved_unclaimed": "✗",
}


def proof_panel(
    proof: Proof,
    language: Language,
    *,
    tested: Literal["", "outlined", "marked"] = "",
    against: str = "",
    where: PlaceTest | None = None,
) -> str:
    """Probabilities before and after, beside what the map had claimed.

    `tested`: which place of the film was taken away, the map's own that the viewer outlines or the reader's.
    `against`: how proof and verdict on the map go together.
    `where`: the test of the strongest place of a map that says where, and claims no amount.
    """
    target = question(proof.target, language)
    claim = say(
        "prove.claim", language, claimed=signed(proof.claimed), change=signed(proof.change), target=target
    )
    icon = _ICON[proof.claim]
    factor = 1 / proof.factor if proof.claim == "understated" else proof.factor
    outcome = say(f"prove.{proof.claim}", language, factor=f"{factor:.{1 if factor < 10 else 0}f}")
    if where is not None:
        claim, outcome = "", say(f"prove.where_{where.outcome}", language, target=target)
        icon = "✗" if where.outcome == "failed" else "✓"
    answered = {task.task: task.probabilities for task in proof.after.tasks}
    tasks = []
    for task in proof.before.tasks:
        after = answered.get(task.task, [None] * len(task.classes))
        tasks.append((task.task, [*zip(task.classes, task.probabilities, after, strict=True)]))
    asked = next(rows for task, rows in tasks if task == proof.target.task)
    old, new = next(chances for name, *chances in asked if name == proof.target.class_name)
    return render(
        "case_tab/proof.html",
        language=language,
        icon=icon,
        claim=claim,
        outcome=outcome,
        against=against,
        tested=tested,
        brief=f"{word_for('class', proof.target.class_name, language)}: {percent(old)} → {percent(new)}",
        tasks=tasks,
        notes=dict.fromkeys((*proof.notes, *(n for n in proof.after.notes if n not in proof.before.notes))),
        seconds=proof.seconds,
    )
