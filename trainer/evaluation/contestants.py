"""What is measured: exported weights, runs that were never exported, and two trivial ways to paint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engines.contract import GENERATOR, SEGMENTER, Network, read_weights
from stream_unmask.synth.pairs import aligned
from trainer.crops import at_side
from trainer.data import Photo

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
Run = Callable[..., FloatArray]
"""A network: N,C,S,S arrays in, one out."""

_BATCH = 8


class Contestant(ABC):
    """Paints the faces beneath masks.

    Attributes:
        name: for the tables.
        finds: whether it finds the masks itself; else it is given the true masks.
    """

    name: str
    finds: bool = False

    def find(self, crops: Bytes) -> FloatArray:
        """(N, S, S, 3) RGB to masks (N, S, S) in 0..1."""
        raise NotImplementedError

    @abstractmethod
    def paint(self, crops: Bytes, masks: FloatArray) -> FloatArray:
        """Inpainted crops.

        Args:
            crops: (N, S, S, 3) RGB.
            masks: (N, S, S) in 0..1.

        Returns:
            (N, S, S, 3) in 0..255.
        """


class NetworksContestant(Contestant):
    """A segmenter and a generator."""

    finds = True

    def __init__(self, name: str, segmenter: Run, generator: Run) -> None:
        self.name = name
        self._segmenter = segmenter
        self._generator = generator

    @classmethod
    def exported(cls, folder: Path, threads: int = 2, name: str = "") -> NetworksContestant:
        """Weights as the product gets them, run by ONNX Runtime.

        Raises:
            EngineError: the folder's weights are incomplete or damaged.
        """
        return cls(
            name or folder.name, *(onnx_network(folder, each, threads) for each in (SEGMENTER, GENERATOR))
        )

    def find(self, crops: Bytes) -> FloatArray:
        """See :meth:`Contestant.find`."""
        parts = [self._segmenter(_as_input(part))[:, 0] for part in _batches(crops)]
        return np.concatenate(parts)

    def paint(self, crops: Bytes, masks: FloatArray) -> FloatArray:
        """See :meth:`Contestant.paint`."""
        parts = []
        for place in range(0, len(crops), _BATCH):
            here = slice(place, place + _BATCH)
            crop = _as_input(crops[here])
            inpainted = self._generator(crop, np.ascontiguousarray(masks[here, None]))
            parts.append((inpainted.transpose(0, 2, 3, 1) + 1) * np.float32(127.5))
        return np.concatenate(parts)


def onnx_network(folder: Path, network: Network, threads: int = 2) -> Run:
    """One exported network of a folder of weights; inputs that a call leaves out are zero.

    Raises:
        EngineError: it is missing or damaged.
    """
    session = onnx_session(read_weights(folder, network).path, threads)
    side = session.get_inputs()[0].shape[-1]

    def run(*inputs: FloatArray) -> FloatArray:
        feeds = {name: at_side(each, side) for name, each in zip(network.inputs, inputs, strict=False)}
        for name in network.inputs.keys() - feeds.keys():  # no guide
            feeds[name] = np.zeros((len(inputs[0]), network.inputs[name], side, side), np.float32)
        return at_side(session.run(None, feeds)[0], inputs[0].shape[-1])

    return run


def onnx_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A network for ONNX Runtime on so many threads; it raises an error of its own where the file is none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin between two runs take the cores from what measures the pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def torch_network(network: nn.Module, side: int | None = None) -> Run:
    """A PyTorch network on the best device, working on pictures of ``side`` pixels if that is given."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device).eval()

    def scaled(picture: Tensor, to: int) -> Tensor:
        same = picture.shape[-1] == to
        return picture if same else functional.interpolate(picture, (to, to), mode="bilinear")

    @torch.inference_mode()
    def run(*inputs: FloatArray) -> FloatArray:
        sent = [scaled(torch.from_numpy(each).to(device), side or each.shape[-1]) for each in inputs]
        return np.asarray(scaled(network(*sent).float(), inputs[0].shape[-1]).cpu().numpy(), np.float32)

    return run


class MeanFace(Contestant):
    """The trivial answer: the same face for all."""

    name = "mean face"

    def __init__(self, photos: Sequence[Photo], size: int = 256) -> None:
        total = np.zeros((size, size, 3), np.float64)
        for photo in photos:
            total += aligned(photo.picture(), photo.points, size, None)[0]
        self.picture: FloatArray = (total / max(len(photos), 1)).astype(np.float32)

    def paint(self, crops: Bytes, masks: FloatArray) -> FloatArray:
        """See :meth:`Contestant.paint`."""
        return np.broadcast_to(self.picture, (len(crops), *self.picture.shape))


class Telea(Contestant):
    """Inpainting without learning.

    Telea, "An Image Inpainting Technique Based on the Fast Marching Method", 2004.
    """

    name = "Telea"

    def paint(self, crops: Bytes, masks: FloatArray) -> FloatArray:
        """See :meth:`Contestant.paint`."""
        painted = []
        for crop, mask in zip(crops, masks, strict=True):
            wide = cv2.dilate((mask > 0).astype(np.uint8), np.ones((9, 9), np.uint8))
            painted.append(cv2.inpaint(crop, wide, 5, cv2.INPAINT_TELEA))
        return np.stack(painted).astype(np.float32)


def _batches(crops: Bytes) -> list[Bytes]:
    return [crops[place : place + _BATCH] for place in range(0, len(crops), _BATCH)]


def _as_input(pictures: Bytes) -> FloatArray:
    scaled = pictures.astype(np.float32).transpose(0, 3, 1, 2) / np.float32(127.5) - 1
    return np.ascontiguousarray(scaled)
