"""What a user can decide about the unmasking itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines import Precision
from stream_unmask.inpainting.parameters import Blend


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How faces are followed and unmasked.

    Attributes:
        wear: put masks on bare faces, instead of taking them off.
        weights: name of a bundled set, such as ``open``, or folder with ``manifest.json`` and the networks
            that it names (a path is always a folder); None for the default set.
        backend: what runs the networks; see :data:`engines.BACKENDS`.
        precision: what segmenter and generator compute in; see :data:`engines.PRECISIONS`.
        threads: CPU threads for each network, 0 for all that the process may use.
        gpu_decode: let an NVIDIA GPU decode files' videos, where it can.
        reconnect: seconds for which a camera that is lost is called again; 0 to end when it is lost.
        detect_every: frames between two runs of the face detector; in between faces are followed.
        min_face: width in frame pixels below which a face is left alone.
        blend: how the inpainted crop is joined to the face around it.
        smooth: damp what flickers from frame to frame.
    """

    wear: bool = False
    weights: str | Path | None = None
    backend: str = "auto"
    precision: Precision = "auto"
    threads: int = 0
    gpu_decode: bool = False
    reconnect: float = 300.0
    detect_every: int = 6
    min_face: int = 32
    blend: Blend = "feather"
    smooth: bool = True

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise ValueError(f"threads must be 0 or more, got {self.threads}")
        if not self.reconnect >= 0:
            raise ValueError(f"reconnect must be 0 or more seconds, got {self.reconnect}")
        if self.detect_every < 1:
            raise ValueError(f"detect_every must be 1 or more, got {self.detect_every}")
        if self.min_face < 1:
            raise ValueError(f"min_face must be 1 or more, got {self.min_face}")
