"""What a network must look like to be run by ``stream_unmask``, and which file holds it.

Shapes are N,C,H,W, float32, RGB in [-1, 1], with square pictures of S pixels. The one source of truth:
the trainer exports to it, the engines check against it, the product relies on it.

Inputs and outputs are float32 whatever a network computes in. A network's fp32 file is what it is; fp16
and int8 files are made from it (:mod:`stream-unmask quantize`) and lie beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from engines.engine import Engine, EngineError, Shape
from engines.errors import WeightsError
from engines.external import has_external_numbers
from engines.whole import replacing

NetworkName = Literal["segmenter", "generator", "wearer"]

FilePrecision = Literal["fp32", "fp16", "int8"]
"""What the numbers in a network's file are. ``int8`` quantises the convolutions' inputs and weights."""

FILE_PRECISIONS: tuple[FilePrecision, ...] = get_args(FilePrecision)


@dataclass(frozen=True, slots=True)
class Network:
    """Names and channels of a network's inputs and outputs, in order.

    Attributes:
        name: of the network.
        inputs: channels by name.
        outputs: channels by name.
        numbers: those of the inputs that are no pictures: N,C,1,1.
    """

    name: NetworkName
    inputs: dict[str, int]
    outputs: dict[str, int]
    numbers: tuple[str, ...] = ()

    def check(self, engine: Engine, size: int) -> None:
        """Make sure that an engine is one of this network.

        Raises:
            EngineError: it is not; the sentence says what was expected.
        """
        for kind, wanted, found in (
            ("input", self.inputs, engine.inputs),
            ("output", self.outputs, engine.outputs),
        ):
            expected = [
                (name, (1, channels, *((1, 1) if name in self.numbers else (size, size))))
                for name, channels in wanted.items()
            ]
            actual = [(port.name, port.shape) for port in found]
            if actual != expected:
                raise EngineError(
                    f"The {self.name} does not fit: expected the {kind}s {_listed(expected)}, "
                    f"found {_listed(actual)}."
                )


SEGMENTER = Network("segmenter", {"crop": 3}, {"mask": 1})
"""``mask`` is the probability 0..1 that a pixel of ``crop`` shows the face mask."""

GENERATOR = Network("generator", {"crop": 3, "mask": 1, "guide": 3, "trust": 1}, {"inpainted": 3})
"""``inpainted`` is the face of ``crop`` without what ``mask`` says is mask. ``guide`` is another face, or
another picture of this one, warped onto the crop's, in its own colours; ``trust``, 0..1, says where it may be
shown, and is 0 where there is none. Nothing of the last frame goes in."""

WEARER = Network("wearer", {"crop": 3, "style": 8}, {"worn": 3, "alpha": 1}, ("style",))
"""Puts a mask on: ``worn`` is to be laid over ``crop`` as opaquely as ``alpha``, 0..1, says. ``style`` says
which mask, normally distributed numbers. A folder of weights may do without it."""

NETWORKS = (SEGMENTER, GENERATOR, WEARER)

MANIFEST = "manifest.json"

_NOT_DESCRIBED = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""What a manifest raises that is JSON, or not even that, and does not describe a network."""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A network's file.

    Attributes:
        path: the ``.onnx`` file.
        sha256: of its bytes, in hex.
        size: side S of its crops in pixels.
        run: the training run it came from.
        precision: what its numbers are.
    """

    path: Path
    sha256: str
    size: int
    run: str
    precision: FilePrecision = "fp32"


def read_weights(folder: Path, network: Network, precision: FilePrecision = "fp32") -> WeightsFile:
    """Find a network in a folder of weights and make sure that it is whole.

    Args:
        folder: holds ``manifest.json`` and the files that it names.
        network: :data:`SEGMENTER`, :data:`GENERATOR` or :data:`WEARER`.
        precision: which of its files.

    Raises:
        WeightsError: no manifest, no such network or precision in it, or a file that is not the one it
            names.
    """
    try:
        entry = json.loads((folder / MANIFEST).read_text())[network.name]
        file = entry if precision == "fp32" else entry.get("made", {}).get(precision)
        if file is None:
            raise WeightsError(
                f"{folder} holds no {precision} {network.name}.", path=folder, hint="stream-unmask quantize"
            )
        name, expected = str(file["file"]), str(file["sha256"])
        weights = WeightsFile(folder / name, expected, int(entry["size"]), str(entry["run"]), precision)
        if Path(name).name != name:
            raise EngineError(f"{folder / MANIFEST} names a file outside its folder: {name!r}.", path=folder)
        content = weights.path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsError(
            f"The weights are incomplete: {error.filename} is missing.", path=folder
        ) from error
    except (*_NOT_DESCRIBED, OverflowError) as error:
        raise WeightsError(f"{folder / MANIFEST} does not describe a {network.name}.", path=folder) from error
    except OSError as error:
        raise WeightsError(
            f"The weights in {folder} cannot be read: {error.strerror}.", path=folder
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise WeightsError(
            f"{weights.path} is damaged: its sha256 is {found[:12]}..., expected {expected[:12]}...",
            path=weights.path,
        )
    _check_numbers(weights.path, content)
    return weights


def _check_numbers(path: Path, content: bytes) -> None:
    """Refuse a network that is more than its file, which is all that the manifest vouches for."""
    try:
        external = has_external_numbers(content)
    except ValueError as error:
        raise WeightsError(f"{path} is not a network: {error}.", path=path) from error
    if external:
        raise WeightsError(f"{path} wants numbers from another file; a network must be one.", path=path)


def has_weights(folder: Path, network: Network, precision: FilePrecision) -> bool:
    """Whether a folder's manifest names a network's file of a precision."""
    try:
        entry = json.loads((folder / MANIFEST).read_text())[network.name]
        return precision == "fp32" or precision in entry.get("made", {})
    except (*_NOT_DESCRIBED, OSError):
        return False


def is_quantised(path: Path) -> bool:
    """Whether an ``.onnx`` file says that layers run in int8."""
    return b"QuantizeLinear" in path.read_bytes()


def enter_weights(weights: WeightsFile, network: Network) -> None:
    """Enter a network's file into the manifest of its folder; an fp32 file drops those made from the last.

    Args:
        weights: the file, in its place; its ``size`` and ``run`` count for fp32 only.
        network: which one it is.
    """
    manifest = weights.path.parent / MANIFEST
    known: dict[str, Any] = json.loads(manifest.read_text()) if manifest.exists() else {}
    file = {"file": weights.path.name, "sha256": weights.sha256}
    if weights.precision == "fp32":
        known[network.name] = file | {"size": weights.size, "run": weights.run}
    else:
        known[network.name].setdefault("made", {})[weights.precision] = file
    with replacing(manifest) as part:
        part.write_text(json.dumps(known, indent=2) + "\n")


def _listed(ports: Sequence[tuple[str, Shape]]) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in ports) or "none"
