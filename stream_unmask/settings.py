"""What a user can decide about the unmasking itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engines import BACKENDS, PRECISIONS, Precision
from engines.engine import OPENVINO_DEVICES, OpenVINODevice
from stream_unmask.bundled import BUNDLED_SETS, weights_folder
from stream_unmask.checks import check_count, check_flag, check_seconds, check_word
from stream_unmask.inpainting.parameters import BLENDS, Blend

if TYPE_CHECKING:
    from stream_unmask.inpainting.references.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How faces are followed and unmasked.

    Attributes:
        wear: put masks on bare faces, instead of taking them off. The default weights can do it.
        weights: name of a bundled set, such as ``open``, or folder with ``manifest.json`` and the networks
            that it names (a path is always a folder); None for the default set.
        backend: what runs the networks; see :data:`engines.BACKENDS`. ``auto`` takes the fastest that can run
            here; a name is a contract: that one runs, or an :class:`~stream_unmask.EngineError` is raised.
        precision: what segmenter and generator compute in; see :data:`engines.PRECISIONS`. ``auto`` takes the
            fastest that costs nothing that one sees; a lower one is faster and may flicker.
        device: what OpenVINO runs segmenter and generator on: an Intel ``GPU`` or ``NPU``, or with ``AUTO``
            the best that it finds. Any but ``CPU`` asks for OpenVINO, and is a contract as a backend is.
        threads: CPU threads for each network, 0 for all that the process may use. Fewer leave cores to other
            programs, and to more videos at the same time; a single video becomes slower.
        gpu_decode: let an NVIDIA GPU decode files' videos, where it can. Frees CPU cores; the frames are
            copied back, so on a fast CPU it gains little.
        reconnect: seconds for which a camera that is lost is called again; 0 to end when it is lost, ``inf``
            to call for ever.
        detect_every: frames between two runs of the face detector; in between faces are followed. More is
            faster, and a face that appears is left masked for longer; less finds it sooner.
        min_face: width in frame pixels below which a face is left alone. Smaller faces are inpainted less
            well, and cost as much as large ones.
        blend: how the inpainted crop is joined to the face around it. ``feather`` fades it in and is the
            fastest; ``pyramid`` and ``poisson`` hide a difference in light better, and may bleed colours.
        smooth: damp what flickers from frame to frame. Without it each frame stands alone: sharper in fast
            movement, restless on a still face.
        stand_in: whose face goes beneath a mask. ``auto`` chooses a face of nobody for each track, by what is
            visible of it; with ``none`` the generator paints alone, softer and less constant. A mapping says
            for a face's number (that of its report; 0 for all others) which stand-in of the bank, from 1, it
            wears, or ``none``; faces that it does not name get theirs as with ``auto``.
        reference: the person's own bare face, which goes before a stand-in's. ``auto`` takes it from frames
            of the same video in which the same followed face is bare; ``none`` never does. A mapping says for
            a face's number (that of its report; 0 for the only one that is masked) which picture shows this
            person: a photo's path, ``frame:81`` of the video, or a :class:`~stream_unmask.Reference`; the
            other faces get theirs as with ``auto``.
        mark: put an imperceptible mark into what is inpainted, which ``stream-unmask verify`` reads.

    Raises:
        ValueError: a value is none of those it may have; the sentence lists them.
    """

    wear: bool = False
    weights: str | Path | None = None
    backend: str = "auto"
    precision: Precision = "auto"
    device: OpenVINODevice = "CPU"
    threads: int = 0
    gpu_decode: bool = False
    reconnect: float = 300.0
    detect_every: int = 6
    min_face: int = 32
    blend: Blend = "feather"
    smooth: bool = True
    reference: Literal["auto", "none"] | Mapping[int, Reference | str | Path] = "auto"
    stand_in: Literal["auto", "none"] | Mapping[int, int | Literal["none"]] = "auto"
    mark: bool = True

    def __post_init__(self) -> None:
        check_word("backend", self.backend, BACKENDS)
        check_word("precision", self.precision, PRECISIONS)
        check_word("device", self.device, OPENVINO_DEVICES)
        check_word("blend", self.blend, BLENDS)
        if isinstance(self.reference, Mapping):
            _check_faces("reference", self.reference)
        else:
            check_word("reference", self.reference, ("auto", "none"))
        if isinstance(self.stand_in, Mapping):
            _check_wishes(self.stand_in)
        else:
            check_word("stand_in", self.stand_in, ("auto", "none"))
        for name in ("wear", "gpu_decode", "smooth", "mark"):
            check_flag(name, getattr(self, name))
        unknown = isinstance(self.weights, str) and not weights_folder(self.weights).is_dir()
        if unknown or not isinstance(self.weights, str | Path | None):
            raise ValueError(
                f"weights must be one of {', '.join(BUNDLED_SETS)}, or a folder, got {self.weights!r}"
            )
        check_count("threads", self.threads, 0)
        check_seconds("reconnect", self.reconnect)
        check_count("detect_every", self.detect_every, 1)
        check_count("min_face", self.min_face, 1)


def _check_faces(name: str, faces: Iterable[object]) -> None:
    for face in faces:
        check_count(f"a face's number in {name}", face, 0)


def _check_wishes(wishes: Mapping[int, object]) -> None:
    _check_faces("stand_in", wishes)
    for face, wish in wishes.items():
        if wish != "none":
            check_count(f"stand_in of face {face}, where it is not 'none',", wish, 1)
