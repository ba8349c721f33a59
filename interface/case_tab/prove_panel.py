"""The panel "Prove it": what the reader takes away, and what the answer is without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from interface.case_tab.explanation_panel import rows_of_fields
from interface.html.fragments import note
from interface.html.render import signed
from interface.html.whole_words import sayable
from interface.language.texts import (
    Language,
    marker,
    question,
    say,
    translated,
    word_for,
)
from modeling.results import Attribution, Claim, Prediction, Proof


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
        fields = gr.CheckboxGroup(
            [], label=marker("prove.fields"), visible=False, elem_id="vb-prove-fields", buttons=[]
        )
        words = gr.CheckboxGroup(
            [], label=marker("prove.words"), visible=False, elem_id="vb-prove-words", buttons=[]
        )
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


def times(factor: float) -> str:
    """A factor as one says it: 2.3, 76."""
    return f"{factor:.1f}" if factor < 10 else f"{factor:.0f}"


def proof_panel(proof: Proof, language: Language) -> str:
    """Probabilities before and after, beside what the map had claimed."""
    target = question(proof.target, language)
    claim = say(
        "prove.claim", language, claimed=signed(proof.claimed), change=signed(proof.change), target=target
    )
    factor = times(1 / proof.factor if proof.claim == "understated" else proof.factor)
    outcome = say(f"prove.{proof.claim}", language, factor=factor)
    tables = "".join(
        _before_and_after(proof.before, proof.after, str(task.task), language) for task in proof.before.tasks
    )
    notes = [translated(n, language) for n in dict.fromkeys((*proof.notes, *_new_notes(proof)))]
    milliseconds = say("prove.seconds", language, milliseconds=f"{1000 * proof.seconds:.0f}")
    return (
        f'<div role="status"><p class="vb-claim"><b aria-hidden="true">{_ICON[proof.claim]}</b> '
        f"{escape(claim)} "
        f"<b>{escape(outcome)}</b></p>{tables}</div>"
        + "".join(note(n) for n in notes)
        + note(f"{say('prove.caution', language)} {milliseconds}")
    )


def _new_notes(proof: Proof) -> Sequence[str]:
    return [n for n in proof.after.notes if n not in proof.before.notes]


def _before_and_after(before: Prediction, after: Prediction, task: str, language: Language) -> str:
    answered = {str(t.task): t for t in after.tasks}
    first = next(t for t in before.tasks if str(t.task) == task)
    second = answered.get(task)
    rows = []
    for i, name in enumerate(first.classes):
        old = float(first.probabilities[i])
        new = float(second.probabilities[i]) if second is not None else None
        shown = (f"{100 * new:.1f} %", f"{signed_points(new - old)}") if new is not None else ("–", "–")
        width = 100 * (new if new is not None else 0.0)
        rows.append(
            f'<tr><th scope="row">{escape(word_for("class", name, language))}</th>'
            '<td class="vb-bar vb-twice" aria-hidden="true">'
            f'<i class="vb-old" style="width:{100 * old:.1f}%"></i>'
            f'<i style="width:{width:.1f}%"></i></td>'
            f'<td class="vb-number">{100 * old:.1f} %</td><td class="vb-number">{shown[0]}</td>'
            f'<td class="vb-number">{shown[1]}</td></tr>'
        )
    head = "".join(
        f'<th scope="col" class="vb-number">{escape(say(key, language))}</th>'
        for key in ("prove.before", "prove.after", "prove.change")
    )
    return (
        '<table class="vb-bars vb-proof">'
        f"<caption><b>{escape(word_for('task', task, language))}</b></caption>"
        '<colgroup><col class="vb-names"><col class="vb-pictures"><col><col><col></colgroup>'
        f"<thead><tr><td></td><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def signed_points(difference: float) -> str:
    """A difference of probabilities in percentage points, its sign never a hyphen."""
    return f"{'+' if difference >= 0 else '−'}{100 * abs(difference):.1f}"
