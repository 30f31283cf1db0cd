"""A contestant's figures on a set of held-out faces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.cpu.segmenting import fill_holes, settled
from trainer.evaluation import realism
from trainer.evaluation.contestants import Contestant
from trainer.evaluation.heldout import HeldOut
from trainer.evaluation.identity import Recogniser
from trainer.evaluation.looks import Shift, shift
from trainer.evaluation.measures import blend, iou_and_f1, psnr, slope, ssim_map
from trainer.evaluation.perceptual import perceptual
from trainer.evaluation.wasserstein import sliced_wasserstein

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

FIGURES = {
    "iou": "intersection over union of the found mask at 0.5 and the true one",
    "f1": "F1 of the same",
    "whole": "PSNR of the finished crop, dB",
    "ssim": "SSIM of the finished crop",
    "inside": "PSNR of the inpainted crop inside the mask, dB",
    "ssim_inside": "SSIM of the finished crop, averaged inside the mask",
    "sharpness": "mean slope inside the mask over that of the truth; 1 is as sharp as the photo",
    "kernel": "kernel distance of lower faces to other people's true ones, x1000; true faces have about 0",
    "other_sex": "share of faces that surely strike one as a woman's or a man's and came out as the other",
    "identity": "how like the true face's a recogniser's vector is (mean cosine); with --identity",
    "older": "years by which the finished crops look older than the true ones",
    "swd": "sliced Wasserstein distance of the finished crops to the true ones, x1000; lower is better",
    "false_alarms": "share of the same faces, bare, in whose crop > 0.5 % is found to be mask",
    "fraction": "share of the crop that the masks cover",
}
"""What the columns mean. ``lpips`` and ``fid`` (lower is better) come in where their weights are at hand."""

_OF_THE_MASK = ("iou", "f1")
_FOR_GROUPS = ("iou", "inside", "ssim_inside")
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Score:
    """Means over one set.

    Attributes:
        photos: how many.
        figures: see :data:`FIGURES`; what does not apply is missing.
        groups: ``kind: group`` to the number of its photos and some of the figures.
    """

    photos: int
    figures: dict[str, float]
    groups: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contestant made of held-out faces: masks (N, S, S); inpainted, finished crops (N, S, S, 3)."""

    masks: FloatArray
    inpainted: FloatArray
    finished: list[Bytes]


def answer(contestant: Contestant, faces: Sequence[HeldOut]) -> Answer:
    """Let a contestant find and paint; the masks are filled and settled in between, as in the product."""
    crops = np.stack([face.crop for face in faces])
    if contestant.finds:
        masks = np.stack([fill_holes(each) for each in contestant.find(crops)])
    else:
        masks = np.stack([face.mask for face in faces]).astype(np.float32) / np.float32(255)
    sure = settled(masks)
    inpainted = contestant.paint(crops, sure)
    finished = [blend(*each) for each in zip(crops, sure, inpainted, strict=True)]
    return Answer(masks, inpainted, finished)


def score(contestant: Contestant, faces: Sequence[HeldOut], recogniser: Recogniser | None = None) -> Score:
    """Measure a contestant on one set of faces, those whose mask is not in the picture left out."""
    faces = [face for face in faces if face.inside.any()]
    made = answer(contestant, faces)
    with ThreadPoolExecutor(_THREADS) as pool:
        rows = list(pool.map(_measure, faces, made.masks, made.inpainted, made.finished))
    if not contestant.finds:
        rows = [{name: value for name, value in row.items() if name not in _OF_THE_MASK} for row in rows]
    truths = [face.truth for face in faces]
    figures = _means(rows)
    figures["swd"] = sliced_wasserstein(made.finished, truths)
    if realism.is_there() and len(faces) >= realism.LEAST:
        figures["kernel"] = realism.kernel_distance(made.finished, truths)
    figures |= _looks(shift(made.finished, truths)) | perceptual(made.finished, truths)
    if recogniser is not None:
        figures["identity"] = recogniser.likeness(made.finished, truths, [face.points for face in faces])
    if contestant.finds:
        bare = contestant.find(np.stack(truths)) > 0.5
        figures["false_alarms"] = float((bare.mean(axis=(1, 2)) > 0.005).mean())
    return Score(len(faces), figures, _by_group(faces, rows))


def _measure(face: HeldOut, mask: FloatArray, inpainted: FloatArray, finished: Bytes) -> dict[str, float]:
    iou, f1 = iou_and_f1(mask > 0.5, face.inside)
    alike = ssim_map(finished, face.truth)
    core = cv2.erode(face.mask, np.ones((5, 5), np.uint8)) > 127
    row = {
        "iou": iou,
        "f1": f1,
        "whole": psnr(finished, face.truth),
        "ssim": float(alike.mean()),
        "inside": psnr(inpainted, face.truth, face.inside),
        "ssim_inside": float(alike[face.inside].mean()),
        "fraction": float(face.inside.mean()),
    }
    if core.any():
        row["sharpness"] = slope(inpainted, core) / max(slope(face.truth, core), 1e-3)
    return row


def _looks(shifted: Shift) -> dict[str, float]:
    other = {"other_sex": shifted.contrary / shifted.struck} if shifted.struck else {}
    return other | {"older": shifted.older}


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def _by_group(faces: Sequence[HeldOut], rows: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    members: dict[str, list[dict[str, float]]] = defaultdict(list)
    for face, row in zip(faces, rows, strict=True):
        for kind, group in face.groups.items():
            members[f"{kind}: {group}"].append({name: row[name] for name in _FOR_GROUPS if name in row})
    return {group: {"photos": len(these)} | _means(these) for group, these in sorted(members.items())}
