"""Adversaries of hinge critics: each critic has its own view of the faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.learner import Learner
from trainer.networks.discriminators import Critic
from trainer.recipes.losses import critic_loss, matching_loss
from trainer.recipes.painting import Judgement, Painted

Inputs = tuple[Tensor, ...]
_RATE = 4e-4


@dataclass(frozen=True, slots=True)
class View:
    """A critic and what it is shown.

    Attributes:
        critic: gives features, its verdict last.
        inputs: what it is shown of faces N,3,S,S, true or finished ones, of a step.
        decoys: real pictures that it shall yet refuse.
    """

    critic: nn.Module
    inputs: Callable[[Painted, Tensor], Inputs]
    decoys: Callable[[Painted], Inputs] | None = None


class Critics:
    """Critics that learn by the hinge loss; they are to be fooled, and their features to be matched."""

    def __init__(self, views: dict[str, View], adversarial: float, matching: float) -> None:
        """Weigh how much they are to be fooled (``adversarial``) and matched (``matching``)."""
        self.views = views
        self._adversarial = adversarial
        self._matching = matching
        self.helpers = {name: view.critic for name, view in views.items()}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """See :class:`trainer.recipes.painting.Adversary`."""
        weights = [weight for helper in self.helpers.values() for weight in helper.parameters()]
        rates = [{"params": weights, "initial_lr": _RATE}]
        return {"critics": torch.optim.AdamW(rates, _RATE, betas=(0.5, 0.99))}

    def learns_alone(self) -> bool:
        """See :class:`trainer.recipes.painting.Adversary`: critics and generator learn in each step."""
        return False

    def judge(self, painted: Painted, learn: Learner, progress: float) -> Judgement:
        """See :class:`trainer.recipes.painting.Adversary`."""
        finished = painted.finished()
        taught = finished.new_zeros(())
        for view in self.views.values():
            real = view.critic(*view.inputs(painted, painted.truth))[-1]
            taught = taught + critic_loss(real, view.critic(*view.inputs(painted, finished.detach()))[-1])
            if view.decoys is not None:
                taught = taught + functional.relu(1 + view.critic(*view.decoys(painted))[-1]).mean()
        learn("critics", taught)
        fooled, matched = finished.new_zeros(()), finished.new_zeros(())
        known = slice(painted.known)
        for view in self.views.values():
            judged = view.critic(*view.inputs(painted, finished))
            with torch.no_grad():
                wanted = view.critic(*view.inputs(painted, painted.truth))
            fooled = fooled - judged[-1].mean()
            matched = matched + matching_loss(
                [each[known] for each in wanted], [each[known] for each in judged]
            )
        log = {"critics": taught.item(), "fooled": fooled.item(), "matched": matched.item()}
        return Judgement(self._adversarial * fooled + self._matching * matched, log)


def mouth_windows(picture: Tensor, mask: Tensor, side: int) -> Tensor:
    """The square of ``side`` pixels around each mask's middle, out of N,3,S,S."""
    size = picture.shape[-1]
    places = torch.arange(size, dtype=mask.dtype, device=mask.device)
    mass = mask.sum((1, 2, 3)).clamp(min=1)
    across = (mask.sum((1, 2)) * places).sum(1) / mass
    down = (mask.sum((1, 3)) * places).sum(1) / mass
    corners = (torch.stack([across, down], 1) - side / 2).clamp(0, size - side).int()
    # One wait for the GPU: two numbers a face, asked for one by one, held every step up.
    windows = [
        face[:, top : top + side, left : left + side]
        for face, (left, top) in zip(picture, corners.tolist(), strict=True)
    ]
    return torch.stack(windows)


def patch_critics() -> Critics:
    """Two patch critics: one sees the face at half its size, one the square around the mask as it is.

    Iizuka et al., "Globally and Locally Consistent Image Completion", 2017.
    """

    def square(painted: Painted, face: Tensor) -> Inputs:
        return (mouth_windows(face, painted.mask, face.shape[-1] * 7 // 16),)

    views = {
        "whole": View(Critic(), lambda _, face: (functional.avg_pool2d(face, 2),)),
        "region": View(Critic(), square),
    }
    return Critics(views, adversarial=0.03, matching=0.6)
