"""Does a patient's latest earlier film help to read today's? What `viewbox compare-studies --data` measures.

Two questions to films of Cohen and Hannover: how severe is today's, and is it worse than the earlier one?
Small models of a study stand on frozen film features and differ in what they are given: today's film, the
prior too, or another patient's in its place. Beside them stands what the experts' reading of the prior says
alone. Folds are by patient, settings are chosen on folds inside the training side, intervals are by patient.

Shape letters: S studies (today's film and perhaps a prior), C channels, K classes, R repetitions.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from evaluation.metrics.bootstrap import bracketed, compare, measured, patient_draws, rounded, with_interval
from evaluation.metrics.one_label import macro_auroc
from modeling.configuration import ImageEncoderConfig, ImageProcessing, ProcessorConfig
from modeling.model.study_fusion import FilmPooling, StudyFusionConfig, StudyInputs, StudyModel
from modeling.progress import progress
from training.corpora.duplicates import one_person
from training.fusion_comparison.arms import FrozenBackbone, feature_maps, open_backbone
from training.fusion_comparison.comparison import CONFIG
from training.fusion_comparison.scoring import holm
from training.objective import class_weights
from training.settings import TrainingSettings
from training.studies.fitting import encoded, rows_of, with_pick
from training.studies.priors import (
    WORSE_BY,
    Question,
    films_of,
    followed_films,
    followed_tensors,
    questions,
    read_of_the_prior,
)

FOLDS, INNER_FOLDS, BATCH, WIDTH = 5, 3, 128, 64


Read = Callable[[np.ndarray, Tensor, StudyInputs], np.ndarray]
"""From numbers of studies, and all studies' films (S, 2) and inputs, to (B, K) probabilities."""


@dataclass(frozen=True)
class Arm:
    """What a model is given beside today's film, and how it joins films."""

    pooling: FilmPooling
    prior: Literal["none", "own", "another's"]

    @property
    def rival(self) -> str:
        """The arm with today's film alone that joins films the same way."""
        return "today's film, by attention" if self.pooling == "attention" else "today's film"


ARMS = {
    "today's film": Arm("mean", "none"),
    "today's film, by attention": Arm("attention", "none"),
    "with the prior, by attention": Arm("attention", "own"),
    "with the prior, mean": Arm("mean", "own"),
    "with the prior, max": Arm("max", "own"),
    "one of the two at random": Arm("random", "own"),
    "control: another patient's prior": Arm("attention", "another's"),
}
JOINED = tuple(name for name in ARMS if name.startswith("with the prior"))
READING = "what was read of the prior, alone"
APART = "both films graded apart: the difference"


@dataclass(frozen=True)
class Recipe:
    """How an arm is trained."""

    epochs: int
    dropout: float
    rate: float = 2e-3
    weight_decay: float = 0.05
    prior_dropout: float = 0.25
    class_balance: float = 0.25


RECIPES = (Recipe(10, 0.1), Recipe(30, 0.1), Recipe(30, 0.5))
"""One of which each arm chooses in each fold, on folds of the training side."""
LONGER = (Recipe(100, 0.1),)
"""Where there are pairs alone to learn from, fewer studies and so fewer steps an epoch: settled on made-up
pairs (`tests/training/studies/test_priors.py`), of which 30 epochs learn too little."""


def recipes_for(question: Question) -> tuple[Recipe, ...]:
    """The recipes that a question's arms choose from."""
    return LONGER if question.classes == 2 else RECIPES


def compare_priors(
    folder: Path, out: Path, backbones: Sequence[str], *, seeds: int = 3, draws: int = 2000
) -> dict[str, Any]:
    """Fit and measure on the sets in `folder`; what `out` holds is not fitted again. Returns `priors.json`.

    `backbones`: "imagenet" or checkpoint folders. Of one that learnt from these sets only those patients are
    asked about from whom it did not learn. Raises ViewboxError: a set or a backbone is not there.
    """
    out.mkdir(parents=True, exist_ok=True)
    settings, followed = TrainingSettings.load(CONFIG), followed_films(folder)
    films, blocks = films_of(followed), []
    person = one_person(films, (film.patient for film in films))
    for backbone in [open_backbone(name, settings.model, settings.processor) for name in backbones]:
        tensors = followed_tensors(followed, films, _pooled(feature_maps(films, backbone, out), backbone))
        work = _Work(backbone, out, seeds, draws)
        grading, worse = questions(followed, tensors, person, backbone.trained_patients)
        told = {grading.name: work.answered(grading), worse.name: work.answered(worse, apart_from=grading)}
        blocks.append({"name": backbone.name, "revision": backbone.revision, "questions": told})
    found = {
        "folds": FOLDS,
        "seeds": seeds,
        "draws": draws,
        "recipes": [asdict(one) for one in (*RECIPES, *LONGER)],
    }
    found |= {"films": len(films), "backbones": blocks}
    (out / "priors.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


@torch.inference_mode()
def _pooled(maps: Tensor, backbone: FrozenBackbone) -> Tensor:
    """(N, C, h', w') -> (N, C), as the checkpoint pools; the mean where nobody taught it to."""
    plain = not backbone.trained_on
    parts = [part.float() for part in maps.split(64)]
    pooled = [p.mean(dim=(2, 3)) if plain else backbone.encoder.shares(p).sum(dim=(2, 3)) for p in parts]
    return torch.cat(pooled).clone()


@dataclass(frozen=True, eq=False)
class _Work:
    """Fits and measures every arm on one backbone's features; what `out` holds is read from there."""

    backbone: FrozenBackbone
    out: Path
    seeds: int
    draws: int

    def answered(self, question: Question, apart_from: Question | None = None) -> dict[str, Any]:
        """Every arm's measures, and by how much it is ahead of today's film alone.

        `apart_from`: the grading, to compare the gradings of both films too.
        """
        repeated = range(self.seeds)
        given = {READING: np.stack([read_of_the_prior(question, FOLDS, seed) for seed in repeated])}
        if apart_from is not None:
            given[APART] = np.stack([graded_apart(question, apart_from, seed) for seed in repeated])
        with progress(
            what=f"{self.backbone.name}, {question.name}", total=len(ARMS) * self.seeds, unit="fit"
        ) as bar:
            for name in ARMS:
                given[name] = np.stack([self._kept(question, name, seed) for seed in range(self.seeds)])
                bar.update(self.seeds)
        asked, rows = question.asked, {name: {} for name in given}
        draws = patient_draws(question.people[asked], self.draws)
        for metric, measure in question.measures().items():

            def value(name: str, measure: Any = measure) -> Callable[[np.ndarray], np.ndarray]:
                return lambda weights: np.mean([measure(v[asked], weights) for v in given[name]], axis=0)

            for name, row in rows.items():
                row |= with_interval(metric, measured(value(name), draws))
                rival = ARMS[name].rival if name in ARMS else "today's film"
                if name != rival and name not in ("today's film", "today's film, by attention"):
                    against = compare(value(name), value(rival), draws)
                    row.setdefault("ahead", {})[metric] = with_interval("difference", against.difference) | {
                        "p": rounded(against.p)
                    }
            tests = [rows[name]["ahead"][metric] for name in JOINED]
            for test, corrected in zip(tests, holm([t["p"] or 1.0 for t in tests]), strict=True):
                test["p_holm"] = rounded(corrected)
        counts = np.bincount(question.labels[asked], minlength=question.classes)
        return {
            "learnt_from": len(question.labels),
            "asked": int(asked.sum()),
            "patients": len(np.unique(question.people[asked])),
            "labels": dict(zip(question.task.spec.classes, counts.tolist(), strict=True)),
            "arms": rows,
        }

    def _kept(self, question: Question, name: str, seed: int) -> np.ndarray:
        """(S, K) out-of-fold probabilities."""
        decides = (
            self.backbone.revision,
            question.name,
            ARMS[name],
            recipes_for(question),
            WIDTH,
            WORSE_BY,
            seed,
        )
        decides += (question.labels.tolist(), question.people.tolist(), question.asked.tolist())
        path = self.out / f"prior-{hashlib.sha256(repr(decides).encode()).hexdigest()[:16]}.npy"
        if not path.is_file():
            half = path.with_suffix(".part.npy")
            np.save(half, out_of_fold(question, ARMS[name], seed, recipes_for(question)))
            half.replace(path)
        return np.load(path)


def out_of_fold(question: Question, arm: Arm, seed: int, recipes: Sequence[Recipe]) -> np.ndarray:
    """(S, K) probabilities, each by models without the patient, whose recipe no test film chose."""
    found = np.zeros((len(question.labels), question.classes))
    for train, test in question.folds(np.arange(len(found)), FOLDS, seed):
        chosen = recipes[0]
        if len(recipes) > 1:
            inner = question.folds(train, INNER_FOLDS, seed)
            worth = [_inner_worth(question, arm, inner, recipe, seed) for recipe in recipes]
            chosen = recipes[int(np.argmax(worth))]
        found[test] = fit_and_read(question, arm, train, test, chosen, seed)
    return found


def graded_apart(worse: Question, grading: Question, seed: int, recipe: Recipe = RECIPES[1]) -> np.ndarray:
    """(S, 2) if a film is worse than the prior, from gradings of either film by one model of single films.

    The model learns nothing of pairs and knows no patient whom it reads; how far the expected class grew is
    put on a scale from 0 to 1.
    """
    count, alone = len(worse.labels), ARMS["today's film"]
    flipped = {n: t.flip(1) for n, t in vars(worse.tensors.inputs).items() if n in ("film_given", "view")}
    films = [(worse.tensors.member, worse.tensors.inputs)]
    films.append((worse.tensors.member.flip(1), replace(worse.tensors.inputs, **flipped)))
    found = np.zeros((count, 2))
    for _, test in worse.folds(np.arange(count), FOLDS, seed):
        train = np.flatnonzero(~np.isin(grading.people, worse.people[test]))
        read = fit(grading, alone, train, recipe, seed)
        today, before = (read(test, member, inputs) @ np.arange(3.0) for member, inputs in films)
        found[test, 1] = 1 / (1 + np.exp(before - today))
    found[:, 0] = 1 - found[:, 1]
    return found


def _inner_worth(question: Question, arm: Arm, inner: list, recipe: Recipe, seed: int) -> float:
    """Macro AUROC of a recipe on the inner folds' studies with a prior."""
    values, labels = [], []
    for train, test in inner:
        test = test[question.tensors.inputs.film_given[test, 1].numpy()]
        if len(test):
            values.append(fit_and_read(question, arm, train, test, recipe, seed))
            labels.append(question.labels[test])
    worth = macro_auroc(np.concatenate(values), np.concatenate(labels))
    return worth if np.isfinite(worth) else 0.0


def fit_and_read(
    question: Question, arm: Arm, train: np.ndarray, test: np.ndarray, recipe: Recipe, seed: int
) -> np.ndarray:
    """(test, K) probabilities of a model that learnt from `train`."""
    return fit(question, arm, train, recipe, seed)(test, question.tensors.member, question.tensors.inputs)


def fit(question: Question, arm: Arm, train: np.ndarray, recipe: Recipe, seed: int) -> Read:
    """A model that learnt from `train`, as what reads studies."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, tensors = _model(question, arm, recipe), question.tensors
    labels = torch.from_numpy(question.labels)
    seen = tensors.features[tensors.member[train, 0]]
    mean, spread = seen.mean(dim=0), seen.std(dim=0) + 1e-3
    weights = class_weights(torch.bincount(labels[train], minlength=question.classes), recipe.class_balance)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps)

    def logits(member: Tensor, inputs: StudyInputs) -> Tensor:
        shown = (tensors.features[member] - mean) / spread  # B 2 C
        flat = shown.flatten(0, 1)[..., None, None]
        vectors = model.image.encode(flat, torch.ones(len(flat), dtype=torch.bool)).vector
        return model.decide(encoded(model, vectors.unflatten(0, (-1, 2)), inputs), inputs)[question.task.name]

    def films(rows: np.ndarray, others: np.ndarray, member: Tensor) -> Tensor:
        if arm.prior != "another's":
            return member[rows]
        return _exchanged(question, rows, others, generator)

    model.train()
    for _ in range(recipe.epochs):
        for order in torch.randperm(len(train), generator=generator).split(BATCH):
            rows = train[order.numpy()]
            inputs = _given(tensors.inputs, rows, arm, recipe.prior_dropout, generator)
            answer = logits(films(rows, train, tensors.member), inputs)
            loss = functional.cross_entropy(answer, labels[rows], weight=weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()

    def read(rows: np.ndarray, member: Tensor, inputs: StudyInputs) -> np.ndarray:
        with torch.inference_mode():
            given = _given(inputs, rows, arm, 0.0, generator)
            return logits(films(rows, rows, member), given).softmax(dim=1).double().numpy()

    return read


def _model(question: Question, arm: Arm, recipe: Recipe) -> StudyModel:
    """A study model of films alone, whose film encoder takes features that are pooled already."""
    image = ImageEncoderConfig("test_resnet", dropout=recipe.dropout)  # any small one: its backbone goes
    config = StudyFusionConfig(
        (question.task,), image, pooling=arm.pooling, layers=1, width=WIDTH, dropout=recipe.dropout
    )
    model = StudyModel(config, ProcessorConfig(ImageProcessing()))
    model.image.backbone = nn.Identity()
    model.image.projection = nn.Linear(question.tensors.features.shape[1], WIDTH)
    return model


def _given(
    inputs: StudyInputs, rows: np.ndarray, arm: Arm, dropout: float, generator: torch.Generator
) -> StudyInputs:
    """The studies with the films that the arm is given; a prior goes missing now and then."""
    batch = rows_of(inputs, torch.from_numpy(rows))
    given = batch.film_given.clone()
    given[:, 1] &= torch.rand(len(rows), generator=generator) >= dropout
    given[:, 1] &= arm.prior != "none"
    return with_pick(replace(batch, film_given=given), generator)


def _exchanged(
    question: Question, rows: np.ndarray, others: np.ndarray, generator: torch.Generator
) -> Tensor:
    """(B, 2) films of the studies, each prior replaced by one of another patient among `others`."""
    member, priors = question.tensors.member[rows].clone(), question.tensors.inputs.film_given[:, 1].numpy()
    others = others[priors[others]]
    for i, row in enumerate(rows):
        strangers = others[question.people[others] != question.people[row]]
        if priors[row] and len(strangers):
            drawn = strangers[int(torch.randint(len(strangers), (1,), generator=generator))]
            member[i, 1] = question.tensors.member[drawn, 1]
    return member


def prior_lines(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    said: list[str] = []
    for block in found["backbones"]:
        for name, asked in block["questions"].items():
            metrics = [
                m for m in next(iter(asked["arms"].values())) if m != "ahead" and not m.endswith("_95")
            ]
            labels = ", ".join(f"{label} {count}" for label, count in asked["labels"].items())
            counts = f"{asked['asked']} films of {asked['patients']} patients ({labels})"
            said += [f"{block['name']}, {name}: {counts}, learnt from {asked['learnt_from']} films", ""]
            said += [f"| read | {' | '.join(metrics)} | ahead of today's film, {metrics[0]} | p |"]
            said += ["|---" * (3 + len(metrics)) + "|"]
            said += [_line(arm, row, metrics) for arm, row in asked["arms"].items()] + [""]
    return "\n".join(said)


def _line(arm: str, row: dict[str, Any], metrics: list[str]) -> str:
    cells = [bracketed(row[metric], row[f"{metric}_95"]) for metric in metrics]
    against = row.get("ahead", {}).get(metrics[0])
    if against is None:
        return f"| {arm} | {' | '.join(cells)} | | |"
    difference = bracketed(against["difference"], against["difference_95"])
    return f"| {arm} | {' | '.join(cells)} | {difference} | {against['p']:.3f} |"
