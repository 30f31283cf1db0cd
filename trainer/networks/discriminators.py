"""Critics of made faces. Each gives the features of its layers, for feature matching, its verdict last.

Spectral norm, in all but the WGAN's: Miyato et al., "Spectral Normalization for GANs", 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import register_parametrization


class _FloatNorm(_SpectralNorm):
    """Spectral norm worked out in float32: CUDA's autocast, unlike the CPU's, takes ``mv`` to bfloat16."""

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            return super().forward(weight)


def spectral_norm(layer: nn.Module) -> nn.Module:
    """The layer, its ``weight`` held to a spectral norm of 1, by one power iteration a training step."""
    register_parametrization(layer, "weight", _FloatNorm(layer.get_parameter("weight")))
    return layer


class Critic(nn.Module):
    """Judges overlapping patches of a picture (PatchGAN: Isola et al., "pix2pix", 2017)."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96), channels: int = 3) -> None:
        super().__init__()
        inputs = (channels, *widths[:-1])
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 4, 2, 1))
            for before, after in zip(inputs, widths, strict=True)
        )
        self.verdict = spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))
        self.act = nn.LeakyReLU(0.2)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """N,C,H,W in -1..1 to the features of every layer, the verdicts N,1,h,w last (high is real)."""
        features = []
        for layer in self.layers:
            picture = self.act(layer(picture))
            features.append(picture)
        return [*features, self.verdict(picture)]


class RegionCritic(nn.Module):
    """Judges the patches of a face that lie beneath its mask, and nothing else.

    The mask-region discriminator of Din et al., "A Novel GAN-Based Network for Unmasking of Masked Face",
    2020: it cannot excuse a bad mouth by a good forehead.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        self.trunk = Critic(widths, channels=4)

    def forward(self, picture: Tensor, mask: Tensor) -> list[Tensor]:
        """N,3,H,W in -1..1 and its mask N,1,H,W to features, and one verdict N,1,1,1 for each region."""
        *features, verdicts = self.trunk(torch.cat([picture * mask, mask], 1))
        weight = functional.adaptive_max_pool2d(mask, verdicts.shape[2:])
        verdict = (verdicts * weight).sum((2, 3), keepdim=True) / (weight.sum((2, 3), keepdim=True) + 1e-2)
        return [*features, verdict]


class WholeFaceCritic(nn.Module):
    """Judges a whole face at once: do eyes, nose and mouth belong together?

    The whole-region discriminator of Din et al., 2020. It halves the picture until ``widths`` are used up
    and looks at what is left through 4 x 4 windows.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 192, 192)) -> None:
        super().__init__()
        self.trunk = Critic(widths)
        self.verdict = spectral_norm(nn.Linear(16 * widths[-1], 1))

    def forward(self, picture: Tensor) -> list[Tensor]:
        """N,3,S,S in -1..1, S a multiple of 32, to features and one verdict N,1,1,1."""
        features = self.trunk(picture)[:-1]
        seen = functional.adaptive_avg_pool2d(features[-1], 4).flatten(1)
        return [*features, self.verdict(seen)[:, :, None, None]]


class SiameseCritic(nn.Module):
    """Judges a pair: are both the same face, and is the second one real?

    Siamese networks: Bromley et al., "Signature Verification using a Siamese Time Delay Neural Network",
    1993. Both pictures pass the same layers; the verdict hears how they differ and what the second one is.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96, 128), code: int = 128) -> None:
        super().__init__()
        self.trunk = Critic(widths)
        self.embed = spectral_norm(nn.Linear(16 * widths[-1], code))
        self.verdict = nn.Sequential(
            spectral_norm(nn.Linear(2 * code, code)), nn.LeakyReLU(0.2), spectral_norm(nn.Linear(code, 1))
        )

    def _describe(self, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        features = self.trunk(picture)[:-1]
        return features, self.embed(functional.adaptive_avg_pool2d(features[-1], 4).flatten(1))

    def forward(self, known: Tensor, asked: Tensor) -> list[Tensor]:
        """Two N,3,S,S in -1..1, S a multiple of 16, to features of the second and a verdict N,1,1,1."""
        _, one = self._describe(known)
        features, other = self._describe(asked)
        verdict = self.verdict(torch.cat([(one - other).abs(), other], 1))
        return [*features, verdict[:, :, None, None]]


class WassersteinCritic(nn.Module):
    """The WGAN's critic: five halving convolutions of 64-64-128-256-512 with dropout, then one number.

    There is no batch norm, as the gradient penalty is of each picture by itself (Gulrajani et al.,
    "Improved Training of Wasserstein GANs", 2017).
    """

    WIDTHS = (64, 64, 128, 256, 512)

    def __init__(self, size: int = 64, dropout: float = 0.3) -> None:
        """For pictures of ``size`` x ``size`` pixels, a multiple of 32."""
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in self.WIDTHS:
            layers += [nn.Conv2d(before, width, 5, 2, 2), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
            before = width
        self.layers = nn.Sequential(*layers)
        self.value = nn.Linear(before * (size // 32) ** 2, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """N,3,size,size in -1..1 to N values without bounds (high is real)."""
        value: Tensor = self.value(self.layers(picture).flatten(1))
        return value[:, 0]
