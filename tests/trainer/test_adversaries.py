"""Adversaries pull the right way: critics tell real from made, generators please their critic."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
import torch
from torch import Tensor

from trainer.devices import make_fabric
from trainer.learner import Learner
from trainer.recipes.critics import Critics, View, patch_critics
from trainer.recipes.cyclegan import CycleGanConfig, CycleGanRecipe
from trainer.recipes.guided import guided_critics
from trainer.recipes.painting import Adversary, Painted
from trainer.recipes.siamese import another, beside, pair_critics
from trainer.recipes.two_discriminator import face_and_region_critics
from trainer.recipes.wgan_gp import WassersteinGame, WganGpConfig

SIDE = 64
STEPS = 10

HINGE: dict[str, Callable[[], Critics]] = {
    "release": patch_critics,
    "guided": guided_critics,
    "siamese": lambda: pair_critics(0.03, 0.3),
    "two-discriminator": lambda: face_and_region_critics(0.03, 0.3)[1],
}


def _toy() -> Painted:
    """Four true faces, striped, and flat grey inpainted crops in place of their lower halves."""
    torch.manual_seed(0)
    stripes = torch.arange(SIDE) // 4 % 2 * 1.2 - 0.6
    truth = stripes.expand(4, 3, SIDE, SIDE) + torch.tensor([-0.3, -0.1, 0.1, 0.3])[:, None, None, None]
    mask = torch.zeros(4, 1, SIDE, SIDE)
    mask[..., SIDE // 2 :, 8:-8] = 1
    return Painted(torch.zeros_like(truth), truth, mask)


def _teach(adversary: Adversary, toy: Painted, steps: int = STEPS) -> None:
    learn = Learner(make_fabric("32"), adversary.optimizers())
    learn.scale_rates(1.0)
    for _ in range(steps):
        adversary.judge(toy, learn, 0.9)


def _learns_nothing(_name: str, _loss: Tensor, _clip: float = 0.0) -> None:
    """In place of a learner: the critics stay as they are."""


@torch.no_grad()
def _verdict(view: View, toy: Painted, face: Tensor) -> float:
    return float(view.critic(*view.inputs(toy, face))[-1].mean())


@pytest.mark.parametrize("name", HINGE)
def test_critics_score_real_faces_above_made_ones_and_the_generator_raises_their_score(name: str) -> None:
    toy, critics = _toy(), HINGE[name]()
    _teach(critics, toy)
    for view in critics.views.values():
        assert _verdict(view, toy, toy.truth) > _verdict(view, toy, toy.finished()) + 0.1
    alone = Critics(critics.views, adversarial=1.0, matching=0.0)
    inpainted = toy.inpainted.clone().requires_grad_()
    judged = alone.judge(Painted(inpainted, toy.truth, toy.mask), cast(Learner, _learns_nothing), 0.9)
    assert judged.loss is not None
    (gradient,) = torch.autograd.grad(judged.loss, inpainted)
    better = Painted(inpainted.detach() - 0.1 * gradient.sign(), toy.truth, toy.mask)
    gains = [
        _verdict(view, toy, better.finished()) - _verdict(view, toy, toy.finished())
        for view in critics.views.values()
    ]
    assert sum(gains) > 0.02


def test_the_wasserstein_critic_and_its_generator_pull_the_right_way() -> None:
    torch.manual_seed(0)
    toy = _toy()
    game = WassersteinGame(WganGpConfig(critic_steps=1, noise=0.0, dropout=0.0, adversarial=1.0), SIDE)
    _teach(game, toy, 12)
    critic = game.helpers["critic"]
    with torch.no_grad():
        real, made = (float(critic(face).mean()) for face in (toy.truth, toy.finished()))
    assert real > made + 0.1
    inpainted = toy.inpainted.clone().requires_grad_()
    judged = game.judge(Painted(inpainted, toy.truth, toy.mask), cast(Learner, _learns_nothing), 0.9)
    assert judged.loss is not None
    (gradient,) = torch.autograd.grad(judged.loss, inpainted)
    assert float(gradient.abs().max()) > 0
    better = Painted(inpainted.detach() - 0.1 * gradient.sign(), toy.truth, toy.mask)
    with torch.no_grad():
        assert float(critic(better.finished()).mean()) > made


def test_the_siamese_critic_is_shown_two_different_faces_as_a_decoy() -> None:
    colours = torch.tensor([-0.8, -0.3, 0.3, 0.8])[:, None, None, None].expand(-1, 3, SIDE, SIDE)
    toy = Painted(colours, colours, torch.ones(4, 1, SIDE, SIDE))

    def closest(pictures: Tensor) -> list[int]:
        gaps = (pictures.mean((1, 2, 3))[:, None] - colours.mean((1, 2, 3))).abs()
        return gaps.argmin(1).tolist()

    with pytest.MonkeyPatch.context() as still:
        still.setattr("trainer.recipes.siamese.varied", lambda face: face)
        known, asked = another(toy)
        assert all(one != other for one, other in zip(closest(known), closest(asked), strict=True))
        known, asked = beside(toy, colours)
        assert closest(known) == closest(asked) == [0, 1, 2, 3]


def test_cyclegans_critics_are_each_of_their_own_kind() -> None:
    torch.manual_seed(0)
    dark, light = torch.full((4, 3, 32, 32), 40.0), torch.full((4, 3, 32, 32), 215.0)
    batch = {
        "masked": (dark + 20 * torch.rand_like(dark)).to(torch.uint8),
        "bare": (light + 20 * torch.rand_like(light)).to(torch.uint8),
        "mask": torch.full((4, 1, 32, 32), 255, dtype=torch.uint8),
    }
    weights = {"cycle": 0.0, "identity": 0.0, "attention": 0.0, "style": 0.0}
    recipe = CycleGanRecipe([], 32, CycleGanConfig(**weights, pool=4), [])
    learn = Learner(make_fabric("32"), recipe.optimizers(0.0))
    learn.scale_rates(1.0)
    for _ in range(15):
        recipe.step(batch, recipe.network, learn, 0.5)

    def score(kind: str, face: Tensor) -> float:
        with torch.no_grad():
            return float(recipe.helpers[kind](face)[-1].mean())

    masked, bare = (batch[name].float() / 127.5 - 1 for name in ("masked", "bare"))
    # What is made is, with weights that do not learn, still much like what it was made of.
    assert score("masked", masked) > score("masked", bare) + 0.2
    assert score("bare", bare) > score("bare", masked) + 0.2
    before = score("bare", recipe.network(masked)), recipe.network(masked).mean()
    learn = Learner(make_fabric("32"), recipe.optimizers(2e-3))
    learn.scale_rates(1.0)
    for group in learn.optimizers["critics"].param_groups:
        group["lr"] = 0.0
    for _ in range(5):
        recipe.step(batch, recipe.network, learn, 0.5)
    after = score("bare", recipe.network(masked)), recipe.network(masked).mean()
    assert after[0] > before[0]
    assert after[1] > before[1]  # lighter, as bare faces are here
