"""Photos of people who really wear masks, labelled by a segmenter where it is sure.

Method: Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural
Networks", 2013.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.engine import Engine
from stream_unmask.errors import UnmaskError
from stream_unmask.video.files import is_image
from stream_unmask.video.images import read_image
from trainer.data import RealFace
from trainer.packing.finding import FaceFinder, cut

_UNSURE = (0.1, 0.9)
_SMALLEST_FACE = 24.0
"""Pixels between the eyes below which a face shows too little of its mask."""
_LEAST, _MOST = 0.04, 0.6
"""Share of the crop that a worn mask covers."""


def pseudo_labelled(folder: Path, segmenter: Path, sure: float = 0.2, threads: int = 1) -> list[RealFace]:
    """The masked faces of a folder of photos whose masks the segmenter is sure of.

    Args:
        folder: photos, in sub-folders too.
        segmenter: ``segmenter.onnx``, trained already.
        sure: highest share of what a mask covers that may be neither clearly mask nor clearly not, 0..1.
        threads: for the networks.

    Raises:
        UnmaskError: there is no photo, or no face of them passes.
    """
    engine, finder = ONNXRuntimeEngine(segmenter, threads), FaceFinder(threads)
    paths = sorted(path for path in folder.rglob("*") if is_image(path))
    if not paths:
        raise UnmaskError(f"There are no photos in {folder}.", path=folder)
    watched = track(paths, "Real photos", console=Console(stderr=True), transient=True)
    faces = [face for path in watched for face in _labelled(path, finder, engine, sure)]
    if not faces:
        raise UnmaskError(f"No mask is sure on any face of the {len(paths)} photos in {folder}.", path=folder)
    return faces


def _labelled(path: Path, finder: FaceFinder, engine: Engine, sure: float) -> Iterator[RealFace]:
    try:
        pixels = read_image(path).pixels
    except UnmaskError:
        return
    photo = _eight_bit(pixels)
    size = engine.inputs[0].shape[-1]
    for face in finder.find(photo):
        pose = face.mesh.pose
        if pose.scale < _SMALLEST_FACE:
            continue
        crop = cut(photo, pose.alignment(size).matrix, size)
        scaled = crop.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(127.5) - 1
        mask = engine.run(np.ascontiguousarray(scaled))[0][0, 0]
        if is_sure(mask, sure):
            yield RealFace(path.name, crop, np.where(mask > 0.5, 255, 0).astype(np.uint8))


def is_sure(mask: NDArray[np.float32], sure: float) -> bool:
    """Whether a mask, (S, S) in 0..1, shows a mask and has at most a share ``sure`` of it in doubt."""
    covered = float((mask > 0.5).mean())
    doubt = float(((mask > _UNSURE[0]) & (mask < _UNSURE[1])).mean())
    return _LEAST < covered < _MOST and doubt <= sure * covered


def _eight_bit(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    rgb = pixels[:, :, :3]
    return np.ascontiguousarray(rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8))
