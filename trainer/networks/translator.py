"""CycleGAN's generator: turns a whole picture into one of the other kind, masked into bare or back."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.blocks import PictureNorm, double

_WIDTH = 32


def _step(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect"),
        PictureNorm(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _step(width, width, 3)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, padding_mode="reflect"), PictureNorm(width)
        )

    def forward(self, features: Tensor) -> Tensor:
        """N,C,H,W to the same."""
        out: Tensor = features + self.second(self.first(features))
        return out


class Translator(nn.Module):
    """ResNet generator (Zhu et al., "Unpaired Image-to-Image Translation", 2017), half as wide as theirs.

    As there, six residual blocks for pictures of up to 128 pixels and nine for larger ones. It doubles by
    interpolation and convolution, which leave no chequers (Odena et al., "Deconvolution and Checkerboard
    Artifacts", 2016).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        blocks = 6 if size <= 128 else 9
        self.down = nn.Sequential(
            _step(3, _WIDTH, 7), _step(_WIDTH, 2 * _WIDTH, 3, 2), _step(2 * _WIDTH, 4 * _WIDTH, 3, 2)
        )
        self.think = nn.Sequential(*(_Residual(4 * _WIDTH) for _ in range(blocks)))
        self.up2 = _step(4 * _WIDTH, 2 * _WIDTH, 3)
        self.up1 = _step(2 * _WIDTH, _WIDTH, 3)
        self.head = nn.Conv2d(_WIDTH, 3, 7, 1, 3, padding_mode="reflect")

    def forward(self, picture: Tensor) -> Tensor:
        """N,3,S,S in -1..1 to the same, S a multiple of 4."""
        features = self.think(self.down(picture))
        features = self.up1(double(self.up2(double(features))))
        return functional.tanh(self.head(features))


class Pair(nn.Module):
    """Both directions."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.unmask = Translator(size)
        self.wear = Translator(size)

    def forward(self, masked: Tensor) -> Tensor:
        """Masked faces N,3,S,S to bare ones."""
        bare: Tensor = self.unmask(masked)
        return bare
