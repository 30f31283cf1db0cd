"""Every recipe learns something, rehearsed on a few small faces."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from stream_unmask.errors import UnmaskError
from stream_unmask.synth.pairs import PairSettings
from trainer.data import Photo, RealFace
from trainer.devices import make_fabric
from trainer.learner import Learner
from trainer.networks.sizes import GENERATORS
from trainer.packing import pseudo_labels
from trainer.pairs import PairData, unpack
from trainer.recipe import Batch, OwnTrials, Recipe
from trainer.recipes import RECIPES
from trainer.recipes.critics import mouth_windows
from trainer.recipes.cyclegan import Pool
from trainer.recipes.job import TrainingJob, changed
from trainer.recipes.painting import PaintingRecipe, usual_face
from trainer.recipes.siamese import varied

FALLS = {
    "segmenter": "entropy",
    "encoder": "l1",
    "cyclegan": "attention",
    "wearer": "colours",
    "guided": "absent",
}
CHANGES = {
    "wgan-gp": ["critic_steps=2"],
    "cyclegan": ["pool=6"],
    "two-discriminator": ["whole_from=0", "region_from=0.3"],
    "siamese": ["judged_from=0.2"],
    "release": ["steady_from=0.2", "critics_from=0.5"],
    "guided": ["steady_from=0.2", "critics_from=0.6"],
}


@dataclass(frozen=True)
class Toy:
    """How a recipe is rehearsed."""

    size: int = 64
    steps: int = 6
    rate: float = 2e-3


# The one runs its networks six times in a step, the other takes its time to begin.
TOYS = defaultdict(Toy, {"cyclegan": Toy(32, 7, 3e-4), "encoder": Toy(steps=10)})


def _built(name: str, photos: list[Photo], *changes: str) -> Recipe:
    torch.manual_seed(1)
    # To begin with the usual face takes hundreds of pairs.
    toy = TrainingJob(photos, TOYS[name].size, begun=True)
    return changed(RECIPES[name], [*CHANGES.get(name, []), *changes]).build(toy)


def _batch(recipe: Recipe) -> Batch:
    data = recipe.data(0, 8)
    batch: Batch = torch.utils.data.default_collate([data[number] for number in range(4)])
    return batch


def _train(recipe: Recipe, steps: int, rate: float = 1e-3) -> list[dict[str, float]]:
    """Losses of ``steps`` steps on one batch."""
    batch, learn = _batch(recipe), Learner(make_fabric("32"), recipe.optimizers(rate))
    log = []
    for number in range(steps):
        learn.scale_rates(1.0)
        log.append(recipe.step(batch, recipe.network, learn, number / steps))
    return log


def _moved(before: nn.Module, after: nn.Module) -> bool:
    return any(
        not torch.equal(one, other)
        for one, other in zip(before.parameters(), after.parameters(), strict=True)
        if one.requires_grad
    )


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(name: str, photos: list[Photo]) -> None:
    recipe = _built(name, photos)
    before = deepcopy([recipe.network, *recipe.helpers.values()])
    log = _train(recipe, TOYS[name].steps, TOYS[name].rate)
    falling = FALLS.get(name, "paint")
    curve = [line[falling] for line in log if falling in line]  # a critic that learns alone leaves it out
    assert curve[-1] < 0.95 * curve[0]
    assert all(math.isfinite(value) for line in log for value in line.values())
    for was, now in zip(before, [recipe.network, *recipe.helpers.values()], strict=True):
        assert _moved(was, now) or not list(now.parameters())


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_shows_what_it_can(name: str, photos: list[Photo]) -> None:
    recipe = _built(name, photos)
    size = TOYS[name].size
    make = recipe.trials if isinstance(recipe, OwnTrials) else PairData
    held_out = make(photos, PairSettings(size=size, masked=1.0), 0, 2)
    pairs = torch.utils.data.default_collate([held_out[number] for number in range(2)])
    shown = recipe.show(recipe.network.eval(), pairs)
    assert math.isfinite(shown.quality)
    assert {picture.shape[2:] for picture in shown.pictures} == {(size, size)}


@pytest.mark.parametrize("name", RECIPES)
def test_the_architecture_alone_takes_the_networks_weights(name: str, photos: list[Photo]) -> None:
    recipe = _built(name, photos)
    RECIPES[name].architecture().load_state_dict(recipe.network.state_dict())
    assert 0 <= recipe.best_from < 1


def test_a_fresh_generator_begins_with_the_usual_face_and_nothing_else() -> None:
    torch.manual_seed(0)
    crop, mask = torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 32:, :] = 1
    usual = torch.linspace(-0.5, 0.5, 64).expand(1, 3, 64, 64)
    for make in GENERATORS.values():
        generator = make()
        generator.begin_with(usual)
        torch.testing.assert_close(generator.paint(crop, mask), usual)


def test_a_sharp_mouth_is_better_than_a_blurred_one_of_a_higher_psnr(photos: list[Photo]) -> None:
    recipe = _built("release", photos)
    held_out = PairData(photos, PairSettings(size=64, masked=1.0), 0, 2)
    pairs = torch.utils.data.default_collate([held_out[number] for number in range(2)])
    truth = unpack(pairs["truth"])
    soft = functional.avg_pool2d(truth, 5, 1, 2, count_include_pad=False)
    level = 1.2 * (soft - truth).abs().mean()

    class Fixed(nn.Module):
        def __init__(self, made: torch.Tensor) -> None:
            super().__init__()
            self.made = made

        def forward(self, _crop: torch.Tensor, _mask: torch.Tensor) -> torch.Tensor:
            return self.made

    blurred, sharp = (recipe.show(Fixed(made), pairs) for made in (soft, (truth * 0.9 + level).clamp(-1, 1)))
    assert sharp.figures["held_out_sharpness"] > blurred.figures["held_out_sharpness"]
    assert sharp.quality > blurred.quality


def test_the_best_weights_of_a_release_are_those_that_critics_have_seen(photos: list[Photo]) -> None:
    assert _built("release", photos, "critics_from=0.6").best_from == 0.6
    assert _built("segmenter", photos).best_from == 0.0


def test_the_release_goes_through_its_phases(photos: list[Photo]) -> None:
    log = _train(_built("release", photos), 8)
    assert ["critics" in line for line in log] == [False] * 4 + [True] * 4
    assert not any("change" in line for line in log[:2])
    assert any("change" in line for line in log[2:])


def test_the_critics_rate_is_lower(photos: list[Photo]) -> None:
    recipe = _built("release", photos, "critics_rate=0.5")
    learn = Learner(make_fabric("32"), recipe.optimizers(1e-3))
    rates = []
    for progress in (0.0, 0.9):
        learn.scale_rates(1.0)
        recipe.step(_batch(recipe), recipe.network, learn, progress)
        rates.append(learn.optimizers["network"].param_groups[0]["lr"])
    assert rates == [pytest.approx(1e-3), pytest.approx(5e-4)]


def test_the_wgans_generator_waits_for_its_critic_over_a_break(photos: list[Photo]) -> None:
    recipe = _built("wgan-gp", photos, "critic_steps=3")
    turns = ["psnr" in line for line in _train(recipe, 4)]
    again = _built("wgan-gp", photos, "critic_steps=3")
    again.helpers["turns"].load_state_dict(recipe.helpers["turns"].state_dict())
    turns += ["psnr" in line for line in _train(again, 2)]
    assert turns == [False, False, True, False, False, True]


def test_the_usual_face_is_that_of_the_photos_and_the_same_on_both_sides(photos: list[Photo]) -> None:
    recipe = RECIPES["painter"].build(TrainingJob(photos, 128, begun=True))
    assert isinstance(recipe, PaintingRecipe)
    usual = usual_face(recipe.data(0, 4), 4)
    assert torch.allclose(usual, usual.flip(3), atol=1e-6)
    # Eyes are darker than the forehead between them and the hair.
    assert usual[..., 21, 20:24].mean() < usual[..., 14, 30:34].mean()


def test_mouth_windows_are_cut_around_the_mask() -> None:
    picture = torch.arange(32 * 32.0).reshape(1, 1, 32, 32)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 20:24, 8:12] = 1
    window = mouth_windows(picture, mask, 8)
    assert torch.equal(window, picture[..., 17:25, 5:13])
    assert mouth_windows(picture, torch.zeros_like(mask), 8).shape == (1, 1, 8, 8)


class _Reads(TorchDispatchMode):
    """Counts the single numbers that are read: each is a wait, where tensors are a GPU's."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **kwargs or {})


def test_mouth_windows_of_many_faces_wait_no_longer_than_that_of_one() -> None:
    torch.manual_seed(0)
    faces, masks = torch.rand(9, 3, 32, 32), torch.rand(9, 1, 32, 32) ** 8
    with _Reads() as reads:
        windows = mouth_windows(faces, masks, 8)
    assert reads.count == 0
    each = [mouth_windows(face[None], mask[None], 8) for face, mask in zip(faces, masks, strict=True)]
    assert torch.equal(windows, torch.cat(each))


def test_a_varied_face_is_as_sharp_under_autocast() -> None:
    face = torch.rand(2, 3, 64, 64) * 2 - 1
    torch.manual_seed(3)
    plain = varied(face)
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(varied(face), plain)


def test_a_varied_face_is_another_picture_of_like_colours() -> None:
    torch.manual_seed(0)
    face = nn.functional.interpolate(torch.rand(6, 3, 4, 4), (32, 32), mode="bilinear") - 0.5
    other = varied(face)
    assert (other - face).abs().mean((1, 2, 3)).min() > 0.01
    assert (other.mean((2, 3)) - face.mean((2, 3))).abs().max() < 0.3


def test_the_pool_gives_back_older_pictures_once_it_is_full() -> None:
    torch.manual_seed(0)
    pool = Pool(4, 8)
    old = torch.full((4, 3, 8, 8), -1.0)
    assert torch.equal(pool.exchange(old), old)
    out = pool.exchange(torch.ones(16, 3, 8, 8)).mean((1, 2, 3))
    assert set(out.tolist()) == {-1.0, 1.0}
    again = Pool(4, 8)
    again.load_state_dict(pool.state_dict())
    assert torch.equal(again.get_buffer("kept"), pool.get_buffer("kept"))


def test_settings_are_changed_by_name() -> None:
    config = changed(RECIPES["wgan-gp"], ["critic_steps=5", "network=full", "noise=0"])
    assert config == type(config)(critic_steps=5, network="full", noise=0.0)  # type: ignore[call-arg]
    with pytest.raises(UnmaskError, match="critic_steps=10"):
        changed(RECIPES["wgan-gp"], ["critics=5"])
    with pytest.raises(UnmaskError, match="light, full"):
        changed(RECIPES["wgan-gp"], ["network=huge"])
    with pytest.raises(UnmaskError, match="number"):
        changed(RECIPES["wgan-gp"], ["noise=loud"])
    with pytest.raises(UnmaskError, match="network=light"):
        changed(RECIPES["generator"], ["noise=1"])


@pytest.mark.parametrize(
    ("name", "is_white"),
    [
        ("segmenter", lambda sample: sample["mask"].float().mean() > 150),
        ("cyclegan", lambda sample: sample["masked"].float().std() < 15),
    ],
)
def test_real_masked_faces_are_learnt_from(
    name: str, is_white: Callable[[Batch], bool], photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = TOYS[name].size
    white = RealFace("white", np.full((size, size, 3), 255, np.uint8), np.full((size, size), 255, np.uint8))
    monkeypatch.setattr(
        pseudo_labels, "pseudo_labelled", lambda folder, _: [white] * (folder == Path("real"))
    )
    for folder in (Path("real"), None):
        recipe = changed(RECIPES[name], ["real=1"]).build(TrainingJob(photos, size, real=folder))
        assert is_white(recipe.data(0, 2)[0]) == (folder is not None)


def test_a_side_that_networks_cannot_halve_is_refused() -> None:
    with pytest.raises(UnmaskError, match="32"):
        TrainingJob([], 100)
