"""Ask in words: a film between sentences, where a word lies on it, and films that fit a sentence."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hub_config.settings import SPACE_CHECKPOINT
from modeling.errors import StudyError, ViewboxError
from viewbox.look import NOT_FOR_DIAGNOSIS, PANEL
from viewbox.measure import PANEL as MEASURE
from viewbox.options import Checkpoint, Database, Film, Json, Out, Run, Settings, Store, answer

if TYPE_CHECKING:
    from modeling.model.shared_space import SharedSpace
    from modeling.study import Radiograph

app = typer.Typer()
Sentences = Annotated[
    list[str],
    Argument(metavar="SENTENCE...", help="two to five, each in quotes, English or Chinese"),
]


def open_space(folder: str | Path = SPACE_CHECKPOINT) -> "SharedSpace":
    """The space that films and sentences share; by default the one that ships, of synthetic films alone.

    Raises:
        CheckpointError: it is not there, or damaged.
    """
    from modeling.model.shared_space import SharedSpace

    return SharedSpace.from_pretrained(folder)


@app.command(rich_help_panel=PANEL)
def ask(
    film: Film,
    sentences: Sentences,
    word: Annotated[str, Option(help="check where on the film this word of theirs lies")] = "",
    synthetic: Annotated[bool, Option("--synthetic", help="the film is a computed one")] = False,
    checkpoint: Checkpoint = SPACE_CHECKPOINT,
    as_json: Json = False,
) -> None:
    """Place a film between sentences, and see how much wording and a denial move it."""
    from modeling.prompts.answer import ask_in_words
    from viewbox.studies import open_study

    space, radiograph = open_space(checkpoint), open_study(film).radiograph
    found = ask_in_words(space, radiograph, sentences, synthetic=synthetic)
    told, lines = found.as_json(), [NOT_FOR_DIAGNOSIS, str(found)]
    if word:
        told["word"] = _checked(space, radiograph, found.sentences, word)
        lines += [f"{word}: {told['word']['verdict']['sentence']}"]
        lines += [f"  {'+' if c['passed'] else '-'} {c['sentence']}" for c in told["word"]["checks"]]
    answer(told, lambda _: "\n".join(lines), as_json)


def _checked(
    space: "SharedSpace", film: "Radiograph", sentences: tuple[str, ...], word: str
) -> dict[str, Any]:
    """The map of the first word of that name, against a phantom that ships as the other film."""
    from modeling.prompts.word_maps import checked_word, named_word, word_maps

    place = named_word([word_maps(space, film, one) for one in sentences], word)
    return checked_word(space, film, sentences, *place, _other_film(film)).as_json()


def _other_film(film: "Radiograph") -> "Radiograph":
    from cases.store import CaseFilter
    from viewbox.lake import open_case_store

    store = open_case_store(None)
    for row in store.page(CaseFilter(source="phantom"), None, 2).rows:
        other = store.get(row.case_id).study.radiograph
        if other.shape != film.shape or (other.pixels != film.pixels).any():
            return other
    raise StudyError("A word's map is compared with another film; the store has no other one.")


@app.command(rich_help_panel=PANEL)
def search(
    words: Annotated[str, Argument(metavar="WORDS", help="a sentence that the films should fit")],
    k: Annotated[int, Option("--number", "-k", min=1, max=100, help="how many")] = 5,
    store: Store = None,
    database: Database = None,
    checkpoint: Checkpoint = SPACE_CHECKPOINT,
    as_json: Json = False,
) -> None:
    """Find the stored films that fit a sentence; without --store, among the cases that ship."""
    from cases.store import CaseFilter, every_row
    from modeling.configuration import only_synthetic
    from modeling.prompts.sentences import SYNTHETIC_ONLY, checked_sentence
    from modeling.retrieval.words import WordIndex
    from viewbox.lake import open_case_store

    space, cases, index = open_space(checkpoint), open_case_store(store, database), WordIndex()
    asked, unread, patients = checked_sentence(words, space.unknown_words), 0, 0
    for row in every_row(cases, CaseFilter()):
        try:
            case = cases.get(row.case_id)
            index.add(space, row.case_id, case.study.radiograph, "")
            patients += not case.provenance.synthetic
        except ViewboxError:  # one bad case hides no other; how many there were is told
            unread += 1
    ranked = index.films(space.embed_texts([asked])[0])
    found = [
        {"case_id": name, "rank": rank, "similarity": round(value, 4)}
        for rank, (name, value) in enumerate(ranked[:k], start=1)
    ]
    warnings = [str(SYNTHETIC_ONLY)] if patients and only_synthetic(space.model.config.sources) else []
    told = {"not_for_diagnosis": True, "warnings": warnings, "words": asked, "films": found}
    told |= {"searched": len(ranked), "not_read": unread}
    answer(told, _search_lines, as_json)


def _search_lines(found: dict[str, Any]) -> str:
    rows = [f"{one['rank']:>4}  {one['similarity']:.3f}  {one['case_id']}" for one in found["films"]]
    count = f"Searched {found['searched']} films, {found['not_read']} cases could not be read."
    return "\n".join([NOT_FOR_DIAGNOSIS, *found["warnings"], *rows, count])


@app.command(name="check-prompts", rich_help_panel=MEASURE)
def check_prompts(
    checkpoint: Checkpoint = SPACE_CHECKPOINT,
    config: Settings = Path("training/configs/space.json"),
    run: Run = Path("runs/space"),
    most: Annotated[int, Option(min=2, help="no more than so many films in each language")] = 200,
    most_words: Annotated[int, Option(min=2, help="no more than so many word maps")] = 60,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Are wordings, denials and word maps right on unseen phantoms whose truth is known?"""
    from evaluation.space.prompt_checks import lines, prompt_checks
    from training.space.run import phantoms
    from training.space.settings import SpaceTraining

    rows = phantoms(SpaceTraining.load(config), run, "test")
    answer(prompt_checks(open_space(checkpoint), rows, most, most_words), lines, as_json, out)
