"""Crops of photos as the networks get them, for export, quantising and comparing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.synth.pairs import PairSettings
from trainer.data import HELD_OUT, held_out_sets, read_photos, training_sets
from trainer.pairs import PairData, unpack


def sample_crops(
    data: Path,
    count: int,
    size: int,
    seed: int = 5,
    *,
    masked: float = 1.0,
    held_out: bool = True,
    only: Sequence[str] = (),
) -> NDArray[np.float32]:
    """Crops of faces, as the synthesiser makes them of photos.

    Args:
        data: folder of photo shards.
        count: how many.
        size: side S in pixels.
        seed: the same crops for the same seed.
        masked: share of the faces that have masks on.
        held_out: whether to draw from photos that are not trained on, where the folder has such.
        only: sets to draw from, or from what is held out of them; all if there are none.

    Returns:
        (count, 3, S, S) RGB in [-1, 1].

    Raises:
        UnmaskError: there are no photos, or a shard is damaged.
    """

    there = (held_out and held_out_sets(data)) or training_sets(data)
    sets = [name for name in there if not only or name.removeprefix(HELD_OUT) in only]
    pairs = PairData(read_photos(data, sets or only), PairSettings(size=size, masked=masked), seed, count)
    return np.concatenate([unpack(pairs[number]["crop"][None]).numpy() for number in range(count)])


def at_side(pictures: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """N,C,S,S pictures at another side, bilinearly, as the product makes them."""
    if pictures.shape[-1] == side:
        return pictures
    sized = [cv2.resize(plane, (side, side)) for picture in pictures for plane in picture]
    return np.asarray(sized, np.float32).reshape(*pictures.shape[:2], side, side)
