"""Everything that is measured of a shared space on unseen phantoms: what `viewbox measure-space` does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cases.phantom.description import Language
from evaluation.metrics.bootstrap import bracketed
from evaluation.space.neighbours import compare
from evaluation.space.recall import both_ways, precision, same_claims
from evaluation.space.regions import region_checks
from evaluation.space.zero_shot import asked
from modeling.model.shared_space import SharedSpace
from training.space.corpus import SpaceRow
from training.space.run import phantoms
from training.space.settings import SpaceTraining


def measure_space(settings: SpaceTraining, run: Path, checkpoint: Path, most: int = 0) -> dict[str, Any]:
    """Recall, zero-shot answers, word maps and re-ranking on the test phantoms of a run; `most`: of them.

    Raises CheckpointError: the checkpoint cannot be opened.
    """
    space = SharedSpace.from_pretrained(checkpoint)
    rows = phantoms(settings, run, "test")[: most or None]
    chosen_on = phantoms(settings, run, "validation")[: most or None]
    films = films_of(space, rows)
    return {
        "films": len(rows),
        "recall": recalls(space, films, rows),
        "zero_shot": asked(space, films, rows),
        "regions": region_checks(space, rows),
        "neighbours": compare(space, (films_of(space, chosen_on), chosen_on), (films, rows)),
    }


def films_of(space: SharedSpace, rows: Sequence[SpaceRow]) -> np.ndarray:
    """(N, S) unit vectors."""
    squares = torch.from_numpy(np.stack([row.film for row in rows])).float() / 255
    return space.embed_squares(squares).numpy()


def recalls(space: SharedSpace, films: np.ndarray, rows: Sequence[SpaceRow]) -> dict[str, Any]:
    """Film and report in either language, film and table, and films by one sentence."""
    found: dict[str, Any] = {}
    languages: tuple[Language, ...] = ("en", "zh-Hant")
    for language in languages:
        reports = [row.report(language) for row in rows]
        claims = [frozenset().union(*(s.facts for s, _ in told)) for _, told in reports]
        texts = space.embed_texts([text for text, _ in reports]).numpy()
        found[f"distinct reports, {language}"] = len({text for text, _ in reports})
        found[f"distinct in what they claim, {language}"] = len({*claims})
        found |= both_ways(films, texts, same_claims(claims), ("film", f"report {language}"))
    known = [n for n, row in enumerate(rows) if row.table]
    tables = space.embed_tables([rows[n].table for n in known]).numpy()
    found |= both_ways(films[known], tables, np.eye(len(known), dtype=bool), ("film", "table"))
    return found | {"sentence -> films": _sentences(space, films, rows)}


def _sentences(space: SharedSpace, films: np.ndarray, rows: Sequence[SpaceRow]) -> dict[str, Any]:
    """Every thing that reports say of two films or more, once, as a query for films."""
    once = {}
    for row in rows:
        for statement, sentence in row.report("en")[1]:
            once.setdefault(statement.facts, sentence)
    right = {facts: np.array([facts <= row.facts for row in rows]) for facts in once}
    kept = [facts for facts, holds in right.items() if 2 <= holds.sum() <= 0.5 * len(rows)]
    texts = space.embed_texts([once[facts] for facts in kept]).numpy()
    return precision(texts @ films.T, np.stack([right[facts] for facts in kept]))


def lines(found: Mapping[str, Any]) -> str:
    """The measures as lines to read."""
    told = [f"{found['films']} unseen phantoms"]
    for name, ways in found["recall"].items():
        if not isinstance(ways, dict):
            told.append(f"{name}: {ways}")
        elif "precision_at_10" in ways:
            told.append(
                f"{name}: precision at 10 {_said(ways['precision_at_10'])}, base rate {ways['base_rate']:.3f}"
            )
        else:
            for way, row in ways.items():
                cells = (f"@{depth} {_said(row[f'recall_at_{depth}'])}" for depth in (1, 5, 10))
                told.append(f"{name}, {way}: recall {', '.join(cells)}")
    for name, row in found["zero_shot"].items():
        seen, unseen = row["seen"], row["unseen"]
        told.append(
            f"{name}: AUROC {_said(row['mean_of_all_wordings']['auroc'])} over all wordings; seen ones"
            f" {seen['least']:.3f} to {seen['most']:.3f}, unseen {unseen['least']:.3f} to"
            f" {unseen['most']:.3f}; the wording moves {row['films_whose_answer_the_wording_moves']:.0%}"
        )
    regions = found["regions"]
    told += [f"word map, {name}: hits {_said(one)}" for name, one in regions["hit_rate"].items()]
    deletion = regions["deletion"]
    told.append(
        f"deletion: {_said(deletion['fall_strongest'])} at the strongest place,"
        f" {_said(deletion['fall_random'])} at a random one, p {deletion['ahead']['p']}"
    )
    again = found["neighbours"]
    told += [f"alike, {name}: nDCG@10 {_said(one)}" for name, one in again["ndcg_at_10"].items()]
    return "\n".join([*told, f"ahead by {again['ahead']['difference']} (p {again['ahead']['p']})"])


def _said(one: Mapping[str, Any]) -> str:
    return bracketed(one["value"], one["95"])
