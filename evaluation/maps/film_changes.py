"""What the difference of two maps is worth, on phantom studies: pose, change, place and breath are known.

Each study has four films, frontal and lateral of two days. Asked of every pair of one view: how far landmarks
in the lungs lie apart before and after registration, whether the strength of the difference tells pairs that
changed from those that did not, and whether its strongest place lies in the opacity. Beside it stand the same
maps without registration, and the two films' answers without any map. A fifth of the studies differ in
nothing but a deeper breath.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cases.phantom.generator import PhantomSettings
from cases.phantom.streams import stream
from cases.phantom.studies import (
    PhantomStudy,
    StudySettings,
    draw_study_patient,
    generate_study,
    pose,
    study_seed,
)
from cases.phantom.study_plan import OPACITY
from evaluation.metrics.bootstrap import RESAMPLES, as_json, bracketed, measured, patient_draws
from evaluation.metrics.one_label import auroc
from modeling.errors import StudyError
from modeling.explain.change import FilmChange, film_change, pairs_of_views
from modeling.explain.registration import AS_THEY_ARE
from modeling.model.film import Letterbox, resampled
from modeling.study import ViewPosition
from modeling.study_answer import StudyPipeline

SIZE, DEEPER = 128, 1.06
"""Longer side of a phantom film in pixels, and how much longer the lungs are after a deeper breath."""
_FILMS = tuple((view, day) for day in (0, 30) for view in (ViewPosition.PA, ViewPosition.LATERAL))

Pair = dict[str, Any]


def pairs_of(pipeline: StudyPipeline, seed: int, index: int) -> Iterator[Pair]:
    """What is measured of each pair of films of one study; every fifth study has a deeper breath alone."""
    breath = {"change": "clear", "breath": DEEPER} if index % 5 == 0 else {}
    one = study_seed(seed, index)
    study = generate_study(one, settings=StudySettings(size=SIZE, films=_FILMS, **breath))
    for pair in pairs_of_views(study.films):
        today, _ = pair
        told = {
            "study": index,
            "view": str(study.films[today].radiograph.view_position),
            "change": study.plan.reference["interval_change"] if study.plan.shows(today) else "clear",
            "deeper_breath": bool(breath),
        }
        try:
            found = film_change(pipeline.model, pipeline.processor, study.films, pair)
        except StudyError:
            yield told | {"refused": True}
            continue
        apart = _apart(study, one, found)
        alone = [pipeline.predict([replace(study.films[n], days_before=0)]).prediction for n in pair]
        sure = [float(one[OPACITY].logits[-1] - one[OPACITY].logits[0]) for one in alone]
        judged = {"answers": sure[0] - sure[1], **_judged(study, found)}
        yield told | {"refused": False, "before_px": apart[0], "after_px": apart[1], **judged}


def _judged(study: PhantomStudy, found: FilmChange) -> Pair:
    """Strength and place of the difference, with registration and without, and the answers' difference."""
    told: Pair = {}
    for name, change in (("laid", found), ("as_they_are", replace(found, registration=AS_THEY_ARE))):
        place = np.abs(change.values).argmax()
        told[name] = {"strength": change.strength, "hit": bool(_opacity(study, change).flat[place])}
    told["area"] = float(_opacity(study, found).mean())
    return told


def _opacity(study: PhantomStudy, change: FilmChange) -> np.ndarray:
    """(h, w) bool on today's film: where the opacity lies, or lay before it cleared."""
    today, earlier = change.boxes
    if study.plan.reference["interval_change"] != "cleared":
        return resampled(study.masks[change.today].astype(np.float32), (today.height, today.width)) > 0.3
    square = np.zeros((earlier.size, earlier.size))
    mask = study.masks[change.earlier].astype(np.float32)
    earlier.crop(square)[:] = resampled(mask, (earlier.height, earlier.width))
    return today.crop(change.registration.lay(square)[0]) > 0.3


def _apart(study: PhantomStudy, seed: int, found: FilmChange) -> tuple[float, float]:
    """Mean distance of the lungs' landmarks before and after registration, in pixels of the square."""
    patient, settings = draw_study_patient(seed), PhantomSettings(size=SIZE)
    shares, levels = np.linspace(-0.75, 0.75, 9), np.linspace(patient.apex, patient.base, 9)
    places = []
    for number, box in zip((found.today, found.earlier), found.boxes, strict=True):
        view = pose(study.plan.films[number], stream((seed << 8) + number, "patient"), patient, settings)
        points = [
            (0, y, s * patient.half_depth) if view.lateral else (s * patient.half_width, y, 0)
            for s in shares
            for y in levels
        ]
        places.append(_on_square(view.pixels(np.array(points)), view.shape, box))
    inside = np.logical_and(*((np.abs(one) < 1).all(axis=0) for one in places))
    today, earlier = (one[:, inside] for one in places)
    laid = found.registration.matrix @ np.vstack([today, np.ones(today.shape[1])])
    side = found.boxes[0].size / 2
    before, after = (float(np.linalg.norm(one - earlier, axis=0).mean()) * side for one in (today, laid))
    return before, after


def _on_square(pixels: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], box: Letterbox) -> np.ndarray:
    """Rows and columns of a film -> (2, N), -1 to 1 on its square."""
    rows, columns = pixels
    down, across = box.height / shape[0], box.width / shape[1]
    placed = np.stack([box.top + (rows + 0.5) * down, box.left + (columns + 0.5) * across])
    return 2 * placed / box.size - 1


def summary(pairs: Sequence[Pair], resamples: int = RESAMPLES) -> dict[str, Any]:
    """By view: all that is said of the pairs, with 95 % intervals over studies."""
    return {
        view: _of_view([one for one in pairs if one["view"] == view], resamples)
        for view in dict.fromkeys(one["view"] for one in pairs)
    }


def _of_view(pairs: Sequence[Pair], resamples: int) -> dict[str, Any]:
    fitting = [one for one in pairs if not one["refused"]]
    draws = patient_draws(np.array([one["study"] for one in fitting]), resamples)
    changed = np.array([one["change"] in ("new", "cleared") for one in fitting])
    signs = np.array([{"new": 1, "cleared": -1}.get(one["change"], 0) for one in fitting])
    told: dict[str, Any] = {
        "pairs": len(pairs),
        "refused": len(pairs) - len(fitting),
        "changed": int(changed.sum()),
        "area": round(
            float(np.mean([one["area"] for one in fitting if one["change"] in ("new", "cleared")])), 4
        ),
    }

    def mean(values: np.ndarray, among: np.ndarray) -> dict[str, Any]:
        return as_json(measured(lambda w: (w * among) @ values / np.maximum(w @ among, 1e-9), draws))

    everyone = np.ones(len(fitting))
    for key in ("before_px", "after_px"):
        told[key] = mean(np.array([one[key] for one in fitting]), everyone)
    answers = np.abs([one["answers"] for one in fitting])
    told["answers"] = {"auroc": _told_apart(answers, changed, draws)}
    for name in ("laid", "as_they_are"):
        strength = np.array([one[name]["strength"] for one in fitting])
        hits = np.array([float(one[name]["hit"]) for one in fitting])
        told[name] = {
            "auroc": _told_apart(np.abs(strength), changed, draws),
            "right_sign": mean((np.sign(strength) == signs).astype(float), changed.astype(float)),
            "hit": mean(hits, changed.astype(float)),
        }
    still = np.abs([one["laid"]["strength"] for one in fitting if one["change"] in ("unchanged", "clear")])
    told["usual"] = round(float(np.percentile(still, 95)), 3)
    breath = [abs(one["laid"]["strength"]) for one in fitting if one["deeper_breath"]]
    told["deeper_breath"] = {"pairs": len(breath), "strengths": [round(one, 3) for one in sorted(breath)]}
    return told


def _told_apart(scores: np.ndarray, changed: np.ndarray, draws: np.ndarray) -> dict[str, Any]:
    return as_json(measured(lambda weights: auroc(scores, changed, weights), draws))


def film_changes(pipeline: StudyPipeline, studies: int, seed: int) -> dict[str, Any]:
    """Measure so many phantom studies of a series."""
    pairs = [pair for index in range(studies) for pair in pairs_of(pipeline, seed, index)]
    return {"studies": studies, "seed": seed, "views": summary(pairs)}


def lines(found: Mapping[str, Any]) -> str:
    """The same as a table for a terminal."""
    told = []
    for view, one in found["views"].items():
        told.append(f"{view}: {one['pairs']} pairs, {one['changed']} changed, {one['refused']} refused")
        told.append(
            f"  landmarks apart {_spread(one['before_px'])} px, registered {_spread(one['after_px'])}"
        )
        told.append(f"  AUROC of the answers' difference {_spread(one['answers']['auroc'])}")
        for name, words in (
            ("laid", "of the maps', registered"),
            ("as_they_are", "of the maps', as they are"),
        ):
            parts = [f"AUROC {words} {_spread(one[name]['auroc'])}"]
            parts += [f"right sign {_spread(one[name]['right_sign'])}", f"inside {_spread(one[name]['hit'])}"]
            told.append("  " + ", ".join(parts))
        breath = one["deeper_breath"]
        told.append(
            f"  95 % of pairs without a change below {one['usual']}; deeper breath {breath['strengths']}"
        )
    return "\n".join(told)


def _spread(found: Mapping[str, Any]) -> str:
    return bracketed(found["value"], found["95"])
