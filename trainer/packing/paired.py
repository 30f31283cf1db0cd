"""Paired pictures on disk, as mask2face and MaskTheFace make them: masked, unmasked, mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.whole import replacing
from stream_unmask.errors import UnmaskError
from stream_unmask.synth.pairs import PairSettings, make_pair
from trainer.coding import coded
from trainer.data import Photo
from trainer.pairs import PhotoDraw

FOLDERS = ("masked", "unmasked", "mask")


def write_pairs(
    photos: Sequence[Photo],
    output: Path,
    settings: PairSettings,
    count: int,
    *,
    seed: int = 0,
    suffix: str = ".png",
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> int:
    """Make pairs and write each under one name in three folders; those that are there already stay.

    Args:
        photos: to put masks on.
        output: folder of the three folders, made where it is missing.
        settings: which pairs.
        count: how many.
        seed: pair n is the same in every run with the same seed.
        suffix: ``.png``, or ``.jpg`` for the pictures; masks are PNG always, since JPEG would soften them.
        progress: told how many are done, of how many.

    Returns:
        How many were made in this run.

    Raises:
        UnmaskError: the disk takes no more.
    """
    draw, made = PhotoDraw(photos, seed), 0
    settings = coded(settings)
    try:
        for name in FOLDERS:
            (output / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            suffixes = (suffix, suffix, ".png")
            paths = [
                output / name / f"{number:06d}{end}" for name, end in zip(FOLDERS, suffixes, strict=True)
            ]
            if not all(path.exists() for path in paths):
                photo, rng = draw(number)
                pair = make_pair(photo.picture(), photo.points, rng, settings)
                for path, picture in zip(paths, (pair.crop, pair.truth, pair.mask), strict=True):
                    _write(path, picture)
                made += 1
            progress(number + 1, count)
    except OSError as error:
        raise UnmaskError(f"{output} cannot be written: {error.strerror}.", path=output) from error
    return made


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    pixels = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == ".jpg" else []
    _, coded = cv2.imencode(path.suffix, pixels, quality)
    with replacing(path) as part:
        part.write_bytes(coded.tobytes())
