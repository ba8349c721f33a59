"""One film laid on another: the pose is known on phantoms, and what does not fit is refused."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter

from cases.phantom.generator import PhantomSettings
from cases.phantom.projection import View
from cases.phantom.streams import stream
from cases.phantom.studies import StudySettings, draw_study_patient, generate_study, pose
from modeling.configuration import ImageProcessing
from modeling.errors import StudyError
from modeling.explain.registration import register
from modeling.model.film import Letterbox, letterboxed
from modeling.study import ViewPosition

SIDE = 128
VIEWS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 30), (ViewPosition.LATERAL, 30))


@pytest.fixture(scope="module")
def study():
    return generate_study(5003, settings=StudySettings(size=SIDE, films=VIEWS))


def square(film) -> tuple[np.ndarray, np.ndarray, Letterbox]:
    pixels, box, _ = letterboxed(film.radiograph, ImageProcessing(size=SIDE))
    mask = np.zeros((SIDE, SIDE), bool)
    box.crop(mask)[:] = True
    return pixels, mask, box


def landmarks(view: View, box: Letterbox, patient) -> np.ndarray:
    """(2, N) rows and columns, -1 to 1 on the square, of places in the lungs' middle plane."""
    shares, levels = np.linspace(-0.75, 0.75, 7), np.linspace(patient.apex, patient.base, 7)
    deep = view.lateral
    points = [
        (0, y, s * patient.half_depth) if deep else (s * patient.half_width, y, 0)
        for s in shares
        for y in levels
    ]
    rows, columns = view.pixels(np.array(points))
    height, width = view.shape
    placed = (box.top + (rows + 0.5) / height * box.height, box.left + (columns + 0.5) / width * box.width)
    return 2 * np.stack(placed) / box.size - 1


@pytest.mark.parametrize("pair", [(0, 2), (1, 3)])
def test_landmarks_of_the_earlier_film_come_to_lie_on_today_s(study, pair):
    patient, settings = draw_study_patient(5003), PhantomSettings(size=SIDE)
    films = [square(study.films[number]) for number in pair]
    found = register(films[0][0], films[1][0], (films[0][1], films[1][1]))
    today, earlier = (
        landmarks(
            pose(study.plan.films[n], stream((5003 << 8) + n, "patient"), patient, settings), film[2], patient
        )
        for n, film in zip(pair, films, strict=True)
    )
    laid = found.matrix @ np.vstack([today, np.ones(today.shape[1])])
    before, after = (np.linalg.norm(where - earlier, axis=0).mean() * SIDE / 2 for where in (today, laid))
    assert before > 4 and after < 1.5, (before, after)
    assert found.after > 0.85 > found.before


def test_a_known_turn_shift_and_size_is_found_under_another_exposure(study):
    film = square(study.films[0])[0]
    turned = np.array([[1.05 * np.cos(0.08), -np.sin(0.08)], [np.sin(0.08), 1.05 * np.cos(0.08)]])
    middle = np.array([SIDE - 1, SIDE - 1]) / 2
    shift = np.array([5.0, -3.0])
    moved = 0.2 + 0.6 * affine_transform(film, turned, middle - turned @ middle + shift, order=1)
    found = register(moved, film)
    assert found.matrix[:, :2] == pytest.approx(turned, abs=0.02)
    assert found.matrix[:, 2] == pytest.approx(2 * shift / SIDE, abs=0.02)
    laid, covered = found.lay(film)
    assert np.abs(0.2 + 0.6 * laid - moved)[covered][50:-50].mean() < 0.02


@pytest.mark.parametrize("wrong", ["side", "upside down", "noise", "even"])
def test_what_is_no_earlier_film_of_the_view_is_refused(study, wrong):
    today, earlier = square(study.films[0])[0], square(study.films[2])[0]
    noise = gaussian_filter(np.random.default_rng(0).random((SIDE, SIDE)), 2)
    films = {
        "side": square(study.films[1])[0],
        "upside down": earlier[::-1],
        "noise": noise,
        "even": np.full((SIDE, SIDE), 0.5),
    }
    with pytest.raises(StudyError, match="cannot be laid on today's"):
        register(today, films[wrong])
