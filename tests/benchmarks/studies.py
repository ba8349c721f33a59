"""How soon a study of 1, 2, 4 and 8 films is answered and accounted for, and in how much memory.

    python -m tests.benchmarks.studies [--repeats 5] [--enlarged 1]

One process for each number of films, on 2 threads, with the bundled checkpoint of studies and phantom films.
"Prediction" is everything from decoded films to the answer: scaling, the model, and what each film adds
(Shapley values from all 2^n choices of films). `--enlarged 4` repeats each pixel 4 x 4 times: films of 4
megapixels, as detectors give them.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace

from modeling.study import DatedFilm
from tests.benchmarks.bars import Bar, load, tell

COUNTS = (1, 2, 4, 8)
VIEWS = ("PA", "lateral")
THREADS = 2
SIDE = 512
"""Pixels a side of the phantom films; the model reads them at 128."""
MEMORY_GB = 2.0


def predict_limit(films: int) -> float:
    """Seconds."""
    return 0.080 + 0.025 * films


def explain_limit(films: int) -> float:
    """Seconds to a convergence delta of 5 %."""
    return 1.0 + 0.8 * films


def measure(count: int, repeats: int, enlarged: int) -> dict[str, float]:
    """Medians over so many runs behind one that is not counted, and the most memory of this process."""
    import torch

    from cases.phantom.studies import StudySettings, generate_study
    from hub_config.settings import STUDY_CHECKPOINT
    from modeling.study import Study, ViewPosition
    from modeling.study_answer import StudyPipeline

    torch.set_num_threads(THREADS)
    films = tuple((ViewPosition(VIEWS[n % 2]), 30 * (n // 2)) for n in range(count))
    settings = StudySettings(size=SIDE, place="behind the heart", change="new", films=films)
    study = generate_study(10, settings=settings)
    large = [_enlarged(film, enlarged) for film in study.films]
    rest = Study(table=study.table, text=study.text)
    pipeline = StudyPipeline.from_pretrained(STUDY_CHECKPOINT)
    answering, explaining, explained = [], [], None
    for _ in range(repeats + 1):
        start = time.perf_counter()
        answer = pipeline.predict(large, rest, "opacity/present", source="phantom")
        answering.append(time.perf_counter() - start)
        start = time.perf_counter()
        *_, explained = pipeline.explain(answer)
        explaining.append(time.perf_counter() - start)
    assert explained is not None and explained.account is not None
    return {
        "films": count,
        "prediction_s": statistics.median(answering[1:]),
        "explanation_s": statistics.median(explaining[1:]),
        "gradients": explained.account.evaluations,
        "relative_delta": explained.account.relative_delta,
        "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def _enlarged(film: DatedFilm, times: int) -> DatedFilm:
    pixels = film.radiograph.pixels.repeat(times, axis=0).repeat(times, axis=1)
    return replace(film, film=replace(film.radiograph, pixels=pixels))


def main() -> int:
    """Measure each number of films in a process of its own; 0 where every bar is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--enlarged", type=int, default=1)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        print(json.dumps(measure(asked.one, asked.repeats, asked.enlarged)))
        return 0
    before, rows = load(), []
    for count in COUNTS:
        again = [sys.executable, "-m", "tests.benchmarks.studies", "--one", str(count)]
        again += ["--repeats", str(asked.repeats), "--enlarged", str(asked.enlarged)]
        run = subprocess.run(again, stdout=subprocess.PIPE, check=True, text=True)
        rows.append(json.loads(run.stdout))
    bars = []
    for row in rows:
        films = int(row["films"])
        bars.append(Bar(f"prediction_s of {films}", row["prediction_s"], predict_limit(films)))
        bars.append(Bar(f"explanation_s of {films}", row["explanation_s"], explain_limit(films)))
        bars.append(Bar(f"memory_gb of {films}", row["memory_gb"], MEMORY_GB))
    return tell(bars, {"rows": rows}, before)


if __name__ == "__main__":
    sys.exit(main())
