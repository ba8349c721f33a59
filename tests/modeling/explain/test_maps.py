"""Grad-CAM, occlusion and the controls on films and nets whose answers are known."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam, Occlusion
from torch import Tensor, nn

from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.controls import edge_map, with_random_weights
from modeling.explain.evidence_map import evidence_map
from modeling.explain.grad_cam import grad_cam
from modeling.explain.occlusion import occlusion


class Net(nn.Module):
    """Two convolutions, a mean and a line."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.head = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3, stride=2), nn.Linear(4, 2)

    def from_features(self, features: Tensor) -> Tensor:
        return self.head(torch.relu(features).mean(dim=(2, 3)))

    def forward(self, image: Tensor) -> Tensor:
        return self.from_features(self.last(torch.relu(self.first(image))))

    def with_features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.last(torch.relu(self.first(image)))
        return features, self.from_features(features)[:, 1]


@pytest.fixture
def net() -> Net:
    return Net().eval().requires_grad_(False)


def films(count: int = 1, side: int = 16) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(2))


# --- Grad-CAM


def test_grad_cam_is_captum_s(net: Net) -> None:
    image = films()
    ours = grad_cam(net.with_features, image)
    theirs = LayerGradCam(net, net.last).attribute(image, target=1)
    theirs = LayerGradCam.interpolate(theirs, (16, 16), interpolate_mode="bilinear")
    assert np.allclose(ours.values, theirs[0, 0].detach().numpy(), atol=1e-6)
    assert ours.values.dtype == np.float32 and ours.method == "grad_cam"
    assert ours.output == pytest.approx(float(net(image)[0, 1]), abs=1e-6)
    assert not image.requires_grad


def test_grad_cam_finds_the_bright_spot() -> None:
    """One channel of features, weight one: the map is the film's own light, cell by cell."""

    def forward(image: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.nn.functional.avg_pool2d(image[:, :1], 4)
        return features, features.sum(dim=(1, 2, 3))

    image = torch.zeros(1, 3, 16, 24)
    image[:, :, 4:8, 16:20] = 1.0
    values = grad_cam(forward, image).values
    assert np.unravel_index(values.argmax(), values.shape)[0] in range(4, 8)
    assert np.unravel_index(values.argmax(), values.shape)[1] in range(16, 20)
    assert values.shape == (16, 24) and values[12:, :8].max() == 0


def test_grad_cam_refuses_what_is_no_number(net: Net) -> None:
    with pytest.raises(ViewboxError, match="no number for this film"):
        grad_cam(net.with_features, torch.full((1, 3, 16, 16), float("nan")))


# --- occlusion


def weighted(weights: np.ndarray):
    return lambda films: (films.astype(np.float64) * weights).sum(axis=(1, 2, 3))


@pytest.mark.parametrize(
    ("height", "width", "patch", "stride"), [(12, 12, 4, 4), (13, 17, 5, 5), (5, 9, 8, 8)]
)
def test_a_linear_model_s_patches_add_up(height: int, width: int, patch: int, stride: int) -> None:
    rng = np.random.default_rng(0)
    weights, image = (
        rng.normal(size=(3, height, width)),
        rng.normal(size=(3, height, width)).astype(np.float32),
    )
    answer = occlusion(weighted(weights), image, 0.25, patch=patch, stride=stride)
    change = float((weights * (image - 0.25)).sum())
    assert answer.values.shape == (height, width)
    assert float(answer.values.sum()) == pytest.approx(change, rel=1e-4)
    corner = (weights * (image - 0.25))[:, :patch, :patch]
    assert float(answer.values[:patch, :patch].sum()) == pytest.approx(float(corner.sum()), rel=1e-4)


def test_occlusion_is_captum_s_spread_over_the_patch(net: Net) -> None:
    image = films()

    def forward(batch: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(batch))[:, 1].numpy()

    ours = occlusion(forward, image[0].numpy(), 0.0, patch=4, stride=2)
    theirs = Occlusion(lambda z: net(z)[:, 1]).attribute(image, (3, 4, 4), (3, 2, 2), baselines=0.0)
    assert np.allclose(ours.values, theirs[0, 0].numpy() / 16, atol=1e-6)
    assert ours.evaluations == 50


@pytest.mark.parametrize("stride", [None, 1, 3, 50])
def test_every_pixel_is_covered_with_any_fill(stride: int | None) -> None:
    image = np.ones((3, 11, 14), np.float32)
    fill = np.zeros((3, 11, 14), np.float32)
    answer = occlusion(weighted(np.ones((3, 11, 14))), image, fill, patch=4, stride=stride, batch_size=3)
    assert answer.values == pytest.approx(3.0)  # three channels of one each
    assert image.min() == 1.0


def test_occlusion_is_cancelled_and_refuses_nan() -> None:
    image = np.ones((3, 16, 16), np.float32)
    with pytest.raises(ExplanationCancelled, match="stopped"):
        occlusion(weighted(np.ones((3, 16, 16))), image, 0.0, patch=4, cancelled=lambda: True)
    with pytest.raises(ViewboxError, match="no number"):
        occlusion(lambda f: np.full(len(f), np.nan), image, 0.0)
    with pytest.raises(AssertionError):
        occlusion(lambda f: f, image, 0.0)


# --- evidence weights


def test_evidence_weights_are_the_mean_of_a_film_and_its_mirror_image() -> None:
    """One channel, weight one: the logit of a place is its light, so two spots are known beforehand."""
    weigh = nn.Conv2d(1, 1, 1)
    nn.init.ones_(weigh.weight)
    nn.init.zeros_(weigh.bias)
    features = torch.full((2, 1, 4, 6), -9.0)
    features[0, 0, 1, 1] = features[1, 0, 1, 4] = 2.0  # seen in both views: column 4 mirrored is column 1
    features[1, 0, 3, 0] = 2.0  # seen in the mirror image alone: column 5 of the film
    seen = evidence_map(weigh, features, (4, 6))
    sure, once, none = (1 / (1 + np.exp(-x)) for x in (2.0, 2.0, -9.0))
    assert seen.values[1, 1] == pytest.approx(sure, abs=1e-5)
    assert seen.values[3, 5] == pytest.approx((once + none) / 2, abs=1e-5)
    assert seen.values[0, 3] == pytest.approx(none, abs=1e-5) and seen.evaluations == 2
    mirrored = evidence_map(weigh, features.flip(0), (4, 6)).values
    assert np.allclose(mirrored, seen.values[:, ::-1])  # a mirrored film has the mirrored map


# --- controls


def test_edges_of_a_step_a_ramp_and_an_even_film() -> None:
    step = np.zeros((9, 12), np.float32)
    step[:, 6:] = 1.0
    edges = edge_map(step)
    assert np.flatnonzero(edges.values.max(axis=0)).tolist() == [5, 6] and np.isnan(edges.output)
    assert edges.values[:, 5] == pytest.approx(0.5)
    ramp = np.tile(np.linspace(0, 1, 11, dtype=np.float32), (8, 1))
    assert edge_map(ramp).values[:, 1:-1] == pytest.approx(0.1, abs=1e-6)
    assert edge_map(np.full((5, 5), 0.7)).values.max() == 0


def test_random_weights_are_new_repeatable_and_of_the_same_size() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 36, 5)
    )
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.random.get_rng_state()
    first, again, other = (with_random_weights(net, seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(first.state_dict()[name], again.state_dict()[name])
    for index in (0, 4):
        old, new = net[index].weight.detach(), first[index].weight.detach()
        assert not torch.allclose(old, new) and not torch.allclose(new, other[index].weight)
        assert float(new.std()) == pytest.approx(float(old.std()), rel=0.1)
        assert abs(float(torch.corrcoef(torch.stack([old.flatten(), new.flatten()]))[0, 1])) < 0.1
    assert torch.equal(first[4].bias, net[4].bias)
    assert first(films(2, 8)).isfinite().all()
