"""Clips of two frames as training reads them: by number, as tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from stream_unmask.synth.clips import Clip, make_clip
from trainer.pairs import PairData, to_tensor


class ClipData(PairData):
    """Endless clips by number: sample n is the same in every run with the same seed."""

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        photo, rng = self._draw(index)
        return as_tensors(make_clip(photo.picture(), photo.points, rng, self._settings))


def as_tensors(clip: Clip) -> dict[str, Tensor]:
    """A clip's pictures, masks and motion by name, as :class:`ClipData` gives them."""
    return {
        "crop": to_tensor(clip.now.crop),
        "mask": to_tensor(clip.now.mask),
        "truth": to_tensor(clip.now.truth),
        "before": to_tensor(clip.before),
        "before_mask": to_tensor(clip.before_mask),
        "rough": to_tensor(clip.rough),
        "motion": torch.from_numpy(clip.motion),
    }
