"""What words at training are worth to a model that sees films alone: what `viewbox space-rows` measures.

Every row classifies the appearance of unseen phantoms from the film. All rows stand on the same frozen
ImageNet backbone, so that no label has come in by another door; they differ in what taught the tower behind
it. A fraction of the training films has labels; all of them have reports, without their impression.

Shape letters: N films, K classes, B a batch, C channels, A versions.

Sources: contrastive pre-training on reports, ConVIRT (Zhang et al., 2020); words at training and the film
alone at test, van Sonsbeek et al., IPMI 2021 (there a variational posterior; here soft labels of a reader);
film and report held together while labels teach, as a second task beside them.
"""

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

from evaluation.metrics.bootstrap import as_json, bracketed, compare, measured, patient_draws, rounded
from evaluation.metrics.one_label import RANKING, Scored
from modeling.labels import APPEARANCE
from modeling.model.processing import StudyProcessor
from modeling.model.space_network import SpaceModel
from training.few_shot.table import OverSeeds, once
from training.space.fitting import SpaceTensors, contrast, features_of, fit_heads, space_tensors
from training.space.run import phantoms
from training.space.settings import SpaceTraining
from training.space.texts import drawn, token_rows

logger = logging.getLogger(__name__)
Way = Literal["probe", "scratch", "contrast-probe", "contrast-fine-tune", "distil", "consistency"]
WAYS: Mapping[Way, str] = {
    "probe": "ImageNet features, linear probe",
    "scratch": "tower from scratch, labels alone",
    "contrast-probe": "contrastive pre-training, linear probe",
    "contrast-fine-tune": "contrastive pre-training, fine-tuned",
    "distil": "from scratch, taught by a reader of the reports",
    "consistency": "from scratch, film and report held together",
}
FRACTIONS = (0.01, 0.1, 0.3, 1.0)
RIVAL: Way = "scratch"
_STEPS, _BATCH, _RATE, _CONSISTENT = 50, 48, 1e-3, 0.5


@dataclass(frozen=True, eq=False)
class Bench:
    """What every cell starts from.

    Attributes:
        fresh, contrasted: the model before and after contrastive pre-training.
        kept, asked: (A, N, C, h', w') features of training films, (N', ...) of test films.
        labels, truth: (N,) and (N',) class numbers.
    """

    fresh: SpaceModel
    contrasted: SpaceModel
    processor: StudyProcessor
    data: SpaceTensors
    kept: Tensor
    asked: Tensor
    labels: np.ndarray
    truth: np.ndarray


def bench(settings: SpaceTraining, out: Path) -> Bench:
    """Draw phantoms, pre-train by contrast behind the frozen backbone, and keep everybody's features."""
    rows, tested = phantoms(settings, out, "train"), phantoms(settings, out, "test")
    torch.manual_seed(settings.seed)
    fresh, processor = settings.begin(rows, out)
    data, model = space_tensors(rows, processor), copy.deepcopy(fresh)
    kept = features_of(fresh, processor, data.films, settings.versions)
    fit_heads(model, processor, data, settings, out / "heads.pt", kept)
    films = torch.from_numpy(np.stack([row.film for row in tested]))
    asked = features_of(fresh, processor, films, 0)[0]
    labels, truth = (np.array([APPEARANCE.index(row.appearance) for row in side]) for side in (rows, tested))
    return Bench(fresh, model.eval(), processor, data, kept, asked, labels, truth)


def taught(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Numbers of the films that have labels, of every class the same share and at least one; nested."""
    rng = np.random.default_rng((seed, 5))
    found = []
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        found.append(own[: max(1, round(fraction * len(own)))])
    return np.sort(np.concatenate(found))


def cell(bench: Bench, way: Way, fraction: float, seed: int) -> np.ndarray:
    """(N', K) probabilities of the test films."""
    rows = taught(bench.labels, fraction, seed)
    if way in ("probe", "contrast-probe"):
        model = None if way == "probe" else bench.contrasted
        known, asked = (_vectors(model, part) for part in (bench.kept[0][rows], bench.asked))
        scaler = StandardScaler().fit(known)
        probe = LogisticRegression(C=0.1, max_iter=500)
        probe.fit(scaler.transform(known), bench.labels[rows])
        return probe.predict_proba(scaler.transform(asked))
    torch.manual_seed(seed)
    model = copy.deepcopy(bench.contrasted if way == "contrast-fine-tune" else bench.fresh)
    targets = np.eye(len(APPEARANCE.classes))[bench.labels]
    if way == "distil":
        targets, rows = _read_by_a_teacher(bench, rows), np.arange(len(bench.labels))
    return _fitted(bench, model, torch.from_numpy(targets).float(), rows, seed, held=way == "consistency")


def _vectors(model: SpaceModel | None, features: Tensor) -> np.ndarray:
    """Pooled features of the backbone, or the tower's unit vectors."""
    if model is None:
        return features.float().mean(dim=(2, 3)).numpy()
    with torch.inference_mode():
        return torch.cat([model.film(part.float())[0] for part in features.split(128)]).numpy()


def _read_by_a_teacher(bench: Bench, rows: np.ndarray) -> np.ndarray:
    """(N, K) what a linear model on the words of the labelled films' reports says of every film's report."""
    texts = [row.report("en")[0] for row in bench.data.rows]
    words = CountVectorizer(ngram_range=(1, 2), binary=True).fit([texts[row] for row in rows])
    teacher = LogisticRegression(C=1.0, max_iter=500)
    teacher.fit(words.transform([texts[row] for row in rows]), bench.labels[rows])
    said = teacher.predict_proba(words.transform(texts))
    said[rows] = np.eye(said.shape[1])[bench.labels[rows]]
    return said


def _fitted(
    bench: Bench, model: SpaceModel, targets: Tensor, rows: np.ndarray, seed: int, *, held: bool
) -> np.ndarray:
    """Train the tower and a linear layer on its vectors; `held`: film and report together meanwhile."""
    head = nn.Linear(model.config.space, targets.shape[1])
    learning = [*head.parameters(), *(p for n, p in model.named_parameters() if ".backbone." not in n)]
    optimizer = torch.optim.AdamW(learning, lr=_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=_STEPS + 1)
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    model.train()
    for _ in range(_STEPS):
        chosen = torch.from_numpy(rng.choice(rows, _BATCH))
        version = torch.randint(len(bench.kept), chosen.shape, generator=generator)
        films, _ = model.film(bench.kept[version, chosen].float())
        loss = -(targets[chosen] * head(10 * films).log_softmax(dim=1)).sum(dim=1).mean()
        if held:
            loss = loss + _CONSISTENT * _report_loss(bench, model, rng, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.inference_mode():
        parts = [head(10 * model.film(part.float())[0]) for part in bench.asked.split(128)]
    return functional.softmax(torch.cat(parts), dim=1).numpy()


def _report_loss(
    bench: Bench, model: SpaceModel, rng: np.random.Generator, generator: torch.Generator
) -> Tensor:
    """Films of the whole training set, labelled or not, against their reports."""
    chosen = torch.from_numpy(rng.choice(len(bench.labels), _BATCH, replace=False))
    version = torch.randint(len(bench.kept), chosen.shape, generator=generator)
    films, _ = model.film(bench.kept[version, chosen].float())
    texts = [drawn(rng, bench.data.rows[row], whole=True) for row in chosen.tolist()]
    most = bench.processor.config.text.max_tokens
    vectors, _ = model.text(*token_rows(bench.processor.tokenizer, [one.text for one in texts], most))
    right = bench.data.facts.hold(chosen, [one.facts for one in texts])
    return contrast(model.scale("film_text") * films @ vectors.T, right)


# --- the table


def measure_rows(
    settings: SpaceTraining,
    out: Path,
    ways: Sequence[Way] = tuple(WAYS),
    fractions: Sequence[float] = FRACTIONS,
    seeds: int = 3,
) -> dict[str, Any]:
    """Every row at every fraction, its mean over seeds, and how far it is ahead of labels alone."""
    wanted = [*dict.fromkeys((RIVAL, *ways))]
    start: list[Bench] = []

    def opened() -> Bench:
        start[:] = start or [bench(settings, out)]
        return start[0]

    answers = {
        (way, fraction): [_kept(out, way, fraction, seed, opened) for seed in range(seeds)]
        for fraction in fractions
        for way in wanted
    }
    truth = np.array([APPEARANCE.index(row.appearance) for row in phantoms(settings, out, "test")])
    draws = patient_draws(np.arange(len(truth)))
    rows = {}
    for fraction in fractions:
        each = {way: _areas(answers[way, fraction], truth) for way in wanted}
        for way in ways:
            found = {"macro_auroc": as_json(measured(each[way], draws))}
            if way != RIVAL:
                ahead = compare(each[way], each[RIVAL], draws)
                found["ahead_of_scratch"] = as_json(ahead.difference) | {"p": rounded(ahead.p)}
            rows.setdefault(way, {})[f"{fraction:g}"] = found
    return {"films": settings.train_films, "test_films": len(truth), "seeds": seeds, "rows": rows}


def _areas(answers: Sequence[np.ndarray], truth: np.ndarray) -> OverSeeds:
    scored = (Scored(values, truth) for values in answers)
    return OverSeeds([once(lambda w, s=one: RANKING["macro_auroc"](s, w)) for one in scored])


def _kept(out: Path, way: Way, fraction: float, seed: int, opened: Callable[[], Bench]) -> np.ndarray:
    """A cell's answers, from its file or computed now."""
    file = out / "cells" / f"{way}-{fraction:g}-{seed}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, cell(opened(), way, fraction, seed))
        logger.info("%s", file.stem)
    return np.load(file)


def lines(found: Mapping[str, Any]) -> str:
    """A Markdown table, a row a way."""
    fractions = [*next(iter(found["rows"].values()))]
    told = [
        f"{found['films']} films with reports, {found['test_films']} unseen ones, {found['seeds']} seeds",
        "| taught by | " + " | ".join(f"{float(one):.0%} labelled" for one in fractions) + " |",
        "|---" * (len(fractions) + 1) + "|",
    ]
    for way, row in found["rows"].items():
        cells = []
        for one in row.values():
            area = one["macro_auroc"]
            said = bracketed(area["value"], area["95"])
            if ahead := one.get("ahead_of_scratch"):
                said += f"; {ahead['value']:+.3f} (p {ahead['p']})"
            cells.append(said)
        told.append(f"| {WAYS[way]} | " + " | ".join(cells) + " |")
    return "\n".join(told)
