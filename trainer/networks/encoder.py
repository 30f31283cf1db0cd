"""Our own measure of how faces look, for losses, where no other one is at hand."""

from __future__ import annotations

from torch import Tensor, nn

from trainer.networks.blocks import double, plain

_WIDTHS = (32, 64, 96, 128)


class FaceEncoder(nn.Module):
    """Four halving steps; the features of each say how a face looks at that size."""

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *_WIDTHS[:-1])
        self.steps = nn.ModuleList(
            nn.Sequential(plain(before, after, 2), plain(after, after))
            for before, after in zip(inputs, _WIDTHS, strict=True)
        )

    def forward(self, picture: Tensor) -> list[Tensor]:
        """N,3,S,S in -1..1, S a multiple of 16, to N,C,S/2,S/2 ... N,C,S/16,S/16."""
        features = []
        for step in self.steps:
            picture = step(picture)
            features.append(picture)
        return features


class FaceAutoencoder(nn.Module):
    """The encoder, and what paints its pictures again, so that it learns what a face consists of.

    Squares of the picture are blanked before (context encoders: Pathak et al., 2016): what is to be filled
    in has to be understood. Nothing but the coarsest features reaches the decoder.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = FaceEncoder()
        outputs = (*_WIDTHS[-2::-1], 32)
        self.ups = nn.ModuleList(
            plain(before, after) for before, after in zip(_WIDTHS[::-1], outputs, strict=True)
        )
        self.head = nn.Conv2d(32, 3, 3, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """N,3,S,S in -1..1 to the same, without bounds."""
        features = self.encoder(picture)[-1]
        for up in self.ups:
            features = double(up(features))
        painted: Tensor = self.head(features)
        return painted
