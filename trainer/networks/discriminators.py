"""Critics of the generator's faces: one for the whole face, one for the region of the mask.

The two-critic way of mask removal: Din et al., "A Novel GAN-Based Network for Unmasking of Masked Face",
2020; judging patches: Isola et al., 2017; spectral norm: Miyato et al., 2018.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Critic(nn.Module):
    """Judges overlapping patches of a picture; remembers its features for feature matching."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96)) -> None:
        super().__init__()
        inputs = (3, *widths[:-1])
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 4, 2, 1))
            for before, after in zip(inputs, widths, strict=True)
        )
        self.verdict = spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))
        self.act = nn.LeakyReLU(0.2)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """N,3,H,W in -1..1 to the features of every layer, the verdicts N,1,h,w last (high is real)."""
        features = []
        for layer in self.layers:
            picture = self.act(layer(picture))
            features.append(picture)
        return [*features, self.verdict(picture)]
