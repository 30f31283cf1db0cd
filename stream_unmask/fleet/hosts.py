"""What works on cameras on one node, and the board on which everybody sees how all of them are."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import cv2

from stream_unmask.api import Unmasker
from stream_unmask.cameras import CameraConfig, Cameras
from stream_unmask.settings import Settings

LEASE = 4.0
"""Seconds without a question after which a host lets go of its cameras: whoever asks gives them to another
one then, or is gone, and two must not serve one camera."""


@dataclass(frozen=True, slots=True)
class CameraState:
    """How one camera is.

    Attributes:
        fps: frames a second of late.
        delay: median seconds from a frame's arrival until it is done; None where none came of late.
        said: the last sentence about it.
    """

    fps: float
    delay: float | None
    said: str


@dataclass(frozen=True, slots=True)
class HostState:
    """How a host is.

    Attributes:
        cores: CPU cores that it used of late.
        cameras: that it works on, by name.
    """

    cores: float
    cameras: dict[str, CameraState]


class Host:
    """Cameras of one node, in one process with one set of networks. Its methods may overlap.

    Args:
        settings: of the unmasking.
    """

    def __init__(self, settings: Settings) -> None:
        cv2.setNumThreads(1)
        self._cameras = Cameras(Unmasker(settings), lambda sentence: None)
        self._wanted: dict[str, CameraConfig] = {}
        self._lock = threading.Lock()
        self._asked = time.monotonic()
        self._spent, self._since = time.process_time(), time.monotonic()
        self._cores = 0.0
        threading.Thread(target=self._watch, name="lease", daemon=True).start()

    def begin(self, camera: CameraConfig) -> None:
        """Work on a camera; one of the same name that is at work ends, unless it is the same."""
        with self._lock:
            self._asked = time.monotonic()
            self._wanted[camera.name] = camera
            self._cameras.become(dict(self._wanted))

    def end(self, name: str) -> None:
        """Let go of a camera, and return when its outputs are closed."""
        with self._lock:
            self._wanted.pop(name, None)
            self._cameras.become(dict(self._wanted))

    def state(self) -> HostState:
        """How all of it is. Ask more often than every ``LEASE`` seconds."""
        self._asked = now = time.monotonic()
        if now - self._since >= 1:
            spent = time.process_time()
            self._cores = (spent - self._spent) / (now - self._since)
            self._spent, self._since = spent, now
        return HostState(
            self._cores,
            {
                name: CameraState(pulse.fps, pulse.delay, pulse.said)
                for name, pulse in self._cameras.pulses().items()
            },
        )

    def _watch(self) -> None:
        while True:
            time.sleep(LEASE / 10)
            if time.monotonic() - self._asked > LEASE and self._wanted:
                with self._lock:
                    self._wanted = {}
                    self._cameras.become({})


@dataclass(slots=True)
class Row:
    """One camera on the board.

    Attributes:
        name: of the camera.
        node: that works on it, by its id; empty where it waits for one.
        state: ``live``, ``starting``, or ``waiting`` for a node.
        fps: frames a second of late.
        delay: see :class:`CameraState`.
        moves: how often it went to another node.
        said: the last sentence about it.
    """

    name: str
    node: str = ""
    state: str = "waiting"
    fps: float = 0.0
    delay: float | None = None
    moves: int = 0
    said: str = ""


@dataclass(slots=True)
class Board:
    """One place to see all cameras, and to say which nodes are to be emptied."""

    rows: list[Row] = field(default_factory=list)
    drained: set[str] = field(default_factory=set)

    def post(self, rows: list[Row]) -> set[str]:
        """Put up how all cameras are; the beginnings of ids of nodes that are to be emptied."""
        self.rows = rows
        return self.drained

    def look(self) -> list[Row]:
        """What was put up last."""
        return self.rows

    def drain(self, node: str, *, back: bool = False) -> None:
        """Have a node emptied, or used again; by its id or the beginning of it."""
        (self.drained.discard if back else self.drained.add)(node)
