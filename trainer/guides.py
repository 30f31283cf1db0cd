"""Clips with another person's face laid on, for generators that are guided."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from stream_unmask.synth.clips import make_clip
from stream_unmask.synth.guides import GuideBank
from stream_unmask.synth.pairs import PairSettings
from trainer.clips import ClipData, as_tensors
from trainer.data import MADE_FACES, Photo
from trainer.pairs import to_tensor

_LARGEST_BANK = 1000
"""Faces that lie decoded in memory, about 0.2 MB each."""

_ENOUGH_MADE = 200
"""Faces of nobody that make a bank by themselves."""


def bank_of(photos: Sequence[Photo]) -> GuideBank:
    """Strangers evenly out of photos: faces of nobody, if there are enough of them."""
    made = [photo for photo in photos if photo.source in MADE_FACES]
    photos = made if len(made) >= _ENOUGH_MADE else photos
    chosen = photos[:: -(-len(photos) // _LARGEST_BANK)] if photos else []
    return GuideBank([(photo.picture(), photo.points) for photo in chosen])


class GuidedData(ClipData):
    """Clips with ``guide`` (3,S,S) and, where that may be shown, ``trust`` (1,S,S), both as bytes."""

    def __init__(
        self, photos: Sequence[Photo], bank: GuideBank, settings: PairSettings, seed: int, count: int
    ) -> None:
        """As :class:`stream_unmask.synth.pairs.PairData`, with strangers out of ``bank``."""
        super().__init__(photos, settings, seed, count)
        self._bank = bank

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        photo, rng = self._draw(index)
        clip = make_clip(photo.picture(), photo.points, rng, self._settings)
        guide = self._bank.draw(clip.now.truth, clip.points, rng)
        laid = {"guide": to_tensor(guide.picture), "trust": to_tensor(guide.trust)}
        return as_tensors(clip) | laid
