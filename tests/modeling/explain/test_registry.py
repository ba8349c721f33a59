"""Every map once: adding one is its file and its entry, and everybody who asks the registry knows it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import ModuleType

import numpy as np
import pytest

from evaluation.maps.film_maps import Effort, FilmMapper
from interface.case_tab.map_switch import method_about, method_choices, method_name
from interface.models.model_host import ModelHost
from interface.session.links import Link
from modeling.errors import ViewboxError
from modeling.explain import registry
from modeling.explain.maps import ImageMap
from modeling.explain.registry import ACCOUNT, MapMethod, map_method, map_methods, method_names, register
from modeling.labels import APPEARANCE, Target
from modeling.pipeline import DiagnosisPipeline
from modeling.render.pictures import map_scale, smoothed_density
from tests.doubles.toys import toy_checkpoint, toy_config, toy_study

TYPICAL = Target(APPEARANCE, "Typical")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[MapMethod]:
    """A map from a file of its own: the film's brightness."""
    home = ModuleType("toy_map")

    def see(paths, features, cancelled=None) -> ImageMap:
        return ImageMap("", paths[0].film[0, 0].numpy() + 1.0, 0.5, 1, 0.01)

    home.see = see
    monkeypatch.setitem(sys.modules, "toy_map", home)
    monkeypatch.setattr(registry, "_methods", dict(registry._methods))
    yield register(MapMethod("toy", "opinion", "Toy map", "It shows the film.", "brightness", "toy_map"))


def test_a_method_that_is_registered_is_seen_by_host_screen_link_and_localisation(
    toy: MapMethod, tmp_path: Path
) -> None:
    pipeline = DiagnosisPipeline.from_pretrained(toy_checkpoint(tmp_path / "toy"))
    host = ModelHost(lambda: pipeline, "toy")
    host.load()
    assert "toy" in host.scrutiny.opinions
    seen = host.opinion(toy_study(), TYPICAL, "toy", Event())
    assert seen.method == "toy" and seen.image.shape == toy_study().radiograph.shape
    assert ("Toy map", "toy") in method_choices(host.scrutiny.opinions)
    assert (method_name("toy", "zh-Hant"), method_about("toy", "en")) == ("Toy map", "It shows the film.")
    assert Link.read({"method": "toy"}, ()).method == "toy"
    mapper = FilmMapper(pipeline, Effort(0.5, 8))
    assert "toy" in mapper.methods
    maps = mapper.maps(toy_study(), TYPICAL, mapper.accounts(toy_study(), TYPICAL))
    assert np.ptp(maps["toy"].values) > 0 and maps["toy"].seconds == 0.01


def test_one_account_several_opinions_and_two_controls_each_with_a_file_of_its_own() -> None:
    assert method_names("account") == (ACCOUNT,)
    assert method_names("control") == ("edges", "random_weights")
    assert set(method_names()) == {m.name for m in map_methods()}
    for method in map_methods():
        assert method.about.endswith(".") and method.unit and method.title
        assert not method.of_the_target or method.signed  # what answers a target speaks for and against
    with pytest.raises(ViewboxError, match="choose one of integrated_gradients"):
        map_method("guess")


def test_a_checkpoint_gives_what_it_is_made_for() -> None:
    given = {m.name for m in map_methods() if m.is_given_by(toy_config("cross_attention"))}
    assert "attention" in given and "evidence" not in given and ACCOUNT in given
    assert map_method(ACCOUNT).measured_as == ("integrated_gradients_black", "integrated_gradients_blurred")
    assert map_method("grad_cam").measured_as == ("grad_cam",)


def test_a_weight_is_as_strong_at_every_size_of_the_film_and_a_sum_stays_a_sum() -> None:
    weights = np.full((13, 13), 0.4, np.float32)
    evidence, account = map_method("evidence"), map_method(ACCOUNT)
    for shape in ((13, 13), (512, 400), (3000, 2500)):
        drawn = evidence.resized(weights, shape)
        strength = smoothed_density(drawn, evidence.grain) / map_scale(drawn, evidence)
        assert strength == pytest.approx(0.8, rel=1e-4), "four tenths, of a half at full colour"
        assert account.resized(weights, shape).sum() == pytest.approx(weights.sum(), rel=1e-3)
