"""Measure: a checkpoint's answers, its maps, and what reports and labels are worth."""

import json
import logging
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Option

from modeling.progress import start_logs
from viewbox.options import AnyCheckpoint, Checkpoint, Corpora, Json, Out, Run, Settings, answer

PANEL = "Measure"
app = typer.Typer()
Backbone = Annotated[list[str] | None, Option(help="imagenet (default) or a checkpoint folder; repeatable")]
Former = Annotated[Path | None, Option(help="metrics.json of a recipe whose test score was known before")]
Side = Annotated[Literal["train", "validation", "test", "all"], Option(help="which films with boxes")]


@app.command(rich_help_panel=PANEL)
def evaluate(
    data: Annotated[Path, Option(help="Parquet file of a corpus, or a folder of imported cases")],
    checkpoint: Annotated[
        str, Option(metavar="DIR", help="checkpoint folder or Hub repo; else the bundled film checkpoint")
    ] = "",
    task: str = "appearance",
    corpus: Annotated[str | None, Option(help="whose columns the file has, where they do not tell")] = None,
    split: Annotated[
        Literal["train", "validation", "test", "all"] | None,
        Option(help="which films; else the test's, where there are any, else those for validation"),
    ] = None,
    audit: Annotated[
        bool, Option("--audit", help="also train small models that never see the lungs, and compare")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure a checkpoint on labelled films, with intervals over patients."""
    from evaluation.evaluate import as_table
    from evaluation.evaluate import evaluate as measured
    from viewbox.studies import bundled

    found = measured(checkpoint or bundled(), data, task, corpus=corpus, split=split, with_audit=audit)
    answer(found, as_table, as_json)


@app.command(rich_help_panel=PANEL)
def localise(
    checkpoint: AnyCheckpoint,
    data: Annotated[Path | None, Option(metavar="PARQUET", help="films with boxes")] = None,
    split: Side = "all",
    phantoms: Annotated[int | None, Option(min=1, help="so many cases with planted evidence")] = None,
    limit: Annotated[int | None, Option(min=1, help="no more than so many films")] = None,
    seed: Annotated[int, Option(min=0, help="of the series of phantoms")] = 7,
    size: Annotated[int, Option(help="longer side of a phantom in pixels")] = 192,
    ablation: Annotated[
        int | None,
        Option(min=0, help="also the AUROC without each modality, on so many phantoms (0: as many)"),
    ] = None,
    tolerance: Annotated[float, Option(min=1e-9, help="gradients stop at this relative delta")] = 0.05,
    max_evaluations: Annotated[int, Option(min=2, help="or after so many gradients")] = 64,
    as_json: Json = False,
) -> None:
    """Do the maps point at the evidence? Every method beside controls that know nothing of the checkpoint."""
    if (data is None) == (phantoms is None):
        raise typer.BadParameter("give either --data FILE.parquet or --phantoms N, one of the two")
    if ablation is not None and phantoms is None:
        raise typer.BadParameter("--ablation needs to know where the evidence is; give --phantoms N with it")
    from evaluation.maps.film_maps import Effort
    from evaluation.maps.localisation import localise as measured
    from hub_config.cards.markdown import part

    films = {"data": data, "split": split, "limit": limit}
    made = {"phantoms": phantoms or 0, "seed": seed, "size": size}
    effort, cases = Effort(tolerance, max_evaluations), phantoms if ablation == 0 else ablation
    found = measured(checkpoint, ablation=cases, effort=effort, **films, **made)
    head = f"{found['checkpoint']} {found['revision']}"
    answer(found, lambda one: f"{head}\n\n{part('maps.md', 'maps', one)}", as_json)


@app.command(rich_help_panel=PANEL)
def verdicts(
    checkpoint: AnyCheckpoint,
    data: Annotated[Path, Option(metavar="PARQUET", help="films with boxes")],
    split: Side = "all",
    method: Annotated[list[str] | None, Option(help="whose maps are judged; repeatable")] = None,
    limit: Annotated[int | None, Option(min=1, help="no more than so many films")] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """How often maps of each verdict lie on what radiologists drew."""
    from evaluation.maps.verdict_record import verdicts as judged
    from hub_config.cards.markdown import part

    found = judged(checkpoint, data, method or ("integrated_gradients",), split=split, limit=limit)
    answer(found, lambda one: part("maps.md", "verdicts", one), as_json, out)


@app.command(rich_help_panel=PANEL)
def sheet(
    checkpoint: Checkpoint,
    out: Annotated[Path, Option(metavar="FILE.png", help="where the picture goes")],
    case_ids: Annotated[list[str] | None, Option("--case", help="of the store; repeatable")] = None,
    cases: Annotated[str | None, Option(help="the store; else the embedded one")] = None,
    theme: Annotated[Literal["light", "dark"], Option(help="ground of the sheet")] = "light",
) -> None:
    """Every map of a checkpoint on the same films, side by side, as a reader first sees them."""
    from evaluation.maps.film_maps import SHIPPED, contact_sheet, sheet_methods
    from modeling.pipeline import DiagnosisPipeline
    from modeling.progress import progress
    from viewbox.lake import open_case_store

    pipeline, store = DiagnosisPipeline.from_pretrained(checkpoint), open_case_store(cases)
    films = [store.get(case_id) for case_id in case_ids or SHIPPED]
    drawn = progress(films, "drawing", total=len(films))
    contact_sheet(pipeline, drawn, len(films), sheet_methods(pipeline), theme).save(out)
    typer.echo(f"Wrote {out}.")


@app.command(rich_help_panel=PANEL)
def shortcut(
    twin: Annotated[str, Option(metavar="DIR", help="the checkpoint that learnt the arrow")],
    checkpoint: Annotated[str, Option(metavar="DIR", help="the one that did not")],
    pairs: Annotated[int, Option(min=1, help="phantoms, each with and without the arrow")] = 120,
    explained: Annotated[int, Option(min=0, help="marked films that are explained as well")] = 32,
    seed: Annotated[int, Option(min=0, help="of the series of phantoms")] = 8,
) -> None:
    """The effect of a shortcut on a model: the same films without and with a lead arrow."""
    from evaluation.maps.shortcut import compare_twin

    found = compare_twin(twin, checkpoint, count=pairs, explained=explained, seed=seed)
    typer.echo(json.dumps(found, indent=2, allow_nan=False))


@app.command(rich_help_panel=PANEL)
def drills(
    checkpoint: Checkpoint,
    phantoms: Annotated[int, Option(min=1, help="how many to evaluate")] = 600,
    jobs: Annotated[int, Option(min=1, help="processes that draw phantoms")] = 1,
    write: Annotated[bool, Option("--write", help="keep them; without it this is a rehearsal")] = False,
    replace: Annotated[bool, Option("--replace", help="even if they are fewer than before")] = False,
) -> None:
    """The quiz's drills: unseen phantoms that a checkpoint gets wrong with confidence."""
    from evaluation.drills import evaluated, kept

    typer.echo(kept(evaluated(checkpoint, phantoms, jobs), checkpoint, write=write, replace=replace))


@app.command(rich_help_panel=PANEL)
def imbalance(
    checkpoint: Checkpoint, data: Corpora, task: str = "appearance", out: Out = None, as_json: Json = False
) -> None:
    """The effect of weighing rare classes on a head, on frozen features."""
    from training.refitting import compare_ways, lines

    found = compare_ways(checkpoint, data, task)
    answer(found, lines, as_json, out)


@app.command(rich_help_panel=PANEL)
def compare(
    data: Corpora,
    task: Annotated[
        list[str] | None, Option(help="one of several classes, grading by default; repeatable")
    ] = None,
    config: Annotated[
        Path | None, Option(metavar="FILE", help="settings that declare tasks of your own")
    ] = None,
    corpus: Annotated[
        list[str] | None, Option(help="to read; all with labels and tables by default; repeatable")
    ] = None,
    backbone: Backbone = None,
    seeds: Annotated[int, Option(min=1, help="repetitions, each with its own folds")] = 3,
    cache: Annotated[Path, Option(help="folder for feature maps")] = Path("runs/cache"),
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Does the clinical table help? Film alone, table alone and every fusion, beside labels and readers."""
    from training.fusion_comparison.arms import IMAGENET
    from training.fusion_comparison.comparison import compare as compared
    from training.fusion_comparison.comparison import labelled_films, report, task_named

    backbones = backbone or [IMAGENET]
    tasks = {name: task_named(name, config, backbones) for name in task or ["grading"]}
    for one in tasks.values():
        labelled_films(data, one, corpus or ())  # what one task lacks is said before hours go into another
    effort = {"corpora": corpus or (), "seeds": seeds, "cache": cache}
    each = {name: compared(data, backbones, task=one, **effort) for name, one in tasks.items()}
    found = each if len(each) > 1 else next(iter(each.values()))
    answer(found, lambda _: "\n\n".join(map(report, each.values())), as_json, out)


@app.command(rich_help_panel=PANEL)
def label_sources(
    data: Corpora,
    checkpoint: Annotated[Path, Option(metavar="DIR", help="trained on index terms")],
    mined: Annotated[Path, Option(metavar="DIR", help="trained on mined labels")],
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Mined labels against index terms: one recipe, two kinds of labels, the same held-out reports."""
    from evaluation.text_checkpoint import compare_labels, source_lines

    found = compare_labels(checkpoint, mined, data)
    answer(found, source_lines, as_json, out)


@app.command(rich_help_panel=PANEL)
def cross_validate(
    config: Annotated[
        list[Path], Option(metavar="FILE", help="settings files; repeatable, the first is the rival")
    ],
    data: Corpora,
    out: Run,
    folds: Annotated[int, Option(min=2, help="parts of the training patients")] = 3,
    tested: Annotated[int, Option(min=0, help="how many of them are tried; 0 for all")] = 0,
    epochs: Annotated[int, Option(min=0, help="instead of the settings' own")] = 0,
    cache: Annotated[Path, Option(help="folder for decoded films")] = Path("runs/cache"),
    as_json: Json = False,
) -> None:
    """Which recipe to take: film recipes compared on held-out training patients, answers and maps."""
    from evaluation.cross_validation import cross_validate as compared
    from evaluation.cross_validation import lines

    start_logs(logging.INFO, "%(asctime)s %(message)s")
    effort = {"folds": folds, "tested": tested, "epochs": epochs, "cache": cache}
    answer(compared(config, data, out, **effort), lines, as_json)


@app.command(rich_help_panel=PANEL)
def out_of_fold(
    config: Annotated[list[Path], Option(metavar="FILE", help="settings files of one task; repeatable")],
    data: Corpora,
    out: Run,
    folds: Annotated[int, Option(min=3, help="parts of the patients")] = 5,
    boxes: Annotated[
        Path | None, Option(metavar="PARQUET", help="NIH's file: are the first recipe's maps on its boxes?")
    ] = None,
    cache: Annotated[Path, Option(help="folder for decoded films")] = Path("runs/cache"),
    as_json: Json = False,
) -> None:
    """Recipes with several classes at once on every film of few, each by a run without its patient."""
    from evaluation.out_of_fold import lines
    from evaluation.out_of_fold import out_of_fold as measured

    start_logs(logging.INFO, "%(asctime)s %(message)s")
    answer(measured(config, data, out, folds=folds, boxes=boxes, cache=cache), lines, as_json)


@app.command(rich_help_panel=PANEL)
def inner_fold(
    config: Settings,
    data: Corpora,
    out: Run,
    fold: Annotated[int, Option(min=0, max=2, help="the third to test on")] = 2,
    former: Former = None,
    as_json: Json = False,
) -> None:
    """How a recipe does inside the training reports: two thirds teach it, the last third tests it."""
    from training.inner_fold import lines, measure

    answer(measure(config, data, out, fold=fold, former=former), lines, as_json)


@app.command(name="compare-studies", rich_help_panel=PANEL)
def compare_studies(
    config: Settings = Path("training/configs/studies.json"),
    run: Run = Path("runs/studies"),
    data: Annotated[
        Path | None, Option(metavar="DIR", help="real films with priors instead: Cohen's and Hannover's")
    ] = None,
    backbone: Backbone = None,
    seeds: Annotated[int, Option(min=1, help="repetitions on real films")] = 2,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What do a lateral and a prior add? Attention over films beside plain poolings, on phantom studies.

    With --data: does a patient's earlier film help to grade today's, or to say if it is worse?
    """
    from training.studies.comparison import compare_poolings, lines
    from training.studies.prior_comparison import compare_priors, prior_lines
    from training.studies.settings import StudyTraining

    start_logs(logging.INFO, "%(asctime)s %(message)s")
    if data is not None:
        answer(compare_priors(data, run, backbone or ["imagenet"], seeds=seeds), prior_lines, as_json, out)
        return
    answer(compare_poolings(StudyTraining.load(config), run), lines, as_json, out)


@app.command(name="film-changes", rich_help_panel=PANEL)
def film_changes(
    studies: Annotated[int, Option(min=1, help="so many phantom studies of four films")] = 100,
    seed: Annotated[int, Option(min=0, help="of their series")] = 9000,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What changed between two films: landmarks before and after registration, and the maps' difference."""
    from evaluation.maps.film_changes import film_changes as measured
    from evaluation.maps.film_changes import lines
    from hub_config.settings import STUDY_CHECKPOINT
    from modeling.study_answer import StudyPipeline

    answer(measured(StudyPipeline.from_pretrained(STUDY_CHECKPOINT), studies, seed), lines, as_json, out)


@app.command(name="measure-space", rich_help_panel=PANEL)
def measure_space(
    checkpoint: Checkpoint = Path("hub_config/space_checkpoints/teaching"),
    config: Settings = Path("training/configs/space.json"),
    run: Run = Path("runs/space"),
    most: Annotated[int, Option(min=0, help="no more than so many films; 0 for all")] = 0,
    data: Annotated[
        Path | None, Option(metavar="DIR", help="ask Cohen's and SIIM's films there instead")
    ] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """A shared space on unseen phantoms: recall, zero-shot prompts, where the words lie, films alike."""
    if data is not None:
        from evaluation.space import real_films

        answer(real_films.measure_real(checkpoint, data, most), real_films.lines, as_json, out)
        return
    from evaluation.space.benchmark import lines
    from evaluation.space.benchmark import measure_space as measured
    from training.space.settings import SpaceTraining

    answer(measured(SpaceTraining.load(config), run, checkpoint, most), lines, as_json, out)


@app.command(name="space-rows", rich_help_panel=PANEL)
def space_rows(
    row: Annotated[list[str] | None, Option(help="of the table; all by default; repeatable")] = None,
    config: Settings = Path("training/configs/space_rows.json"),
    run: Run = Path("runs/space_rows"),
    seeds: Annotated[int, Option(min=1, help="repetitions, each with labelled films of its own")] = 3,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Words at training, the film alone at test: contrast, probe, distillation, with 1 to 100 % of labels."""
    from training.space.settings import SpaceTraining
    from training.space.words_at_training import WAYS, lines, measure_rows

    if unknown := next((name for name in row or () if name not in WAYS), None):
        raise typer.BadParameter(f"there is no row '{unknown}'; choose of {', '.join(WAYS)}")
    start_logs(logging.INFO, "%(asctime)s %(message)s")
    found = measure_rows(SpaceTraining.load(config), run, row or tuple(WAYS), seeds=seeds)
    answer(found, lines, as_json, out)
