"""Faces that act out a script, for a follower that knows neither networks nor pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import mean_face
from stream_unmask.faces.detection import Detections
from stream_unmask.faces.following import FaceFollower, FollowSettings, Patience
from stream_unmask.faces.mesh import Mesh, Region
from stream_unmask.faces.tracking import Track
from stream_unmask.pixels.planes import Planes

WIDTH, HEIGHT = 640, 360
_MOUTH = (61, 291)
_NOSE = 4


@dataclass
class Actor:
    """One face at one moment.

    Attributes:
        x: between the eyes, in frame pixels.
        y: between the eyes, in frame pixels.
        scale: eye distance in frame pixels.
        score: what the detector gives it; 0 where it misses it.
        presence: what the mesh gives it.
        mesh_off: how far right of the face the mesh lands, in eye distances.
        closer: what the detector gives it in a close-up; 0 where it misses it.
        squeezed: how much narrower than a face's the points are that the detector sees.
    """

    x: float
    y: float
    scale: float = 40.0
    score: float = 0.9
    presence: float = 1.0
    mesh_off: float = 0.0
    closer: float = 0.0
    squeezed: float = 1.0

    def points(self, off: float = 0.0) -> np.ndarray:
        return mean_face() * self.scale + (self.x + off * self.scale, self.y, 0.0)

    def five(self) -> np.ndarray:
        points = self.points()[:, :2]
        eyes = points[[(33, 133), (263, 362)]].mean(axis=1)
        five = np.concatenate([eyes, points[[_NOSE]], points[list(_MOUTH)]])
        return (five - (self.x, self.y)) * (self.squeezed, 1.0) + (self.x, self.y)

    def box(self) -> np.ndarray:
        points = self.points()[:, :2]
        return np.concatenate([points.min(axis=0), points.max(axis=0)])


@dataclass
class Stage:
    """Stands in for detector, mesh and thumbnailer, and runs a follower over a script.

    Attributes:
        looks: times of the frames in which the detector ran.
        fits: how often the mesh ran.
        still: nothing moves in the picture; else a corner of it flashes.
    """

    noise: float = 0.0
    still: bool = False
    looks: list[float] = field(default_factory=list)
    fits: int = 0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._cast: Sequence[Actor] = ()
        self._flash = 0
        grey = np.full((HEIGHT, WIDTH), 100, np.uint8)
        chroma = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
        self.planes = Planes(grey, chroma, chroma, 1, 1, 8, 0.2126, 0.0722, False, True, False)

    def shrink(self, frame: SimpleNamespace) -> float:
        return frame.time

    def detect(self, time: float) -> Detections:
        self.looks.append(time)
        seen = sorted((actor for actor in self._cast if actor.score), key=lambda actor: -actor.score)
        jitter = [self._rng.normal(0, self.noise * actor.scale, (1, 2)) for actor in seen]
        return Detections(
            np.array(
                [actor.box() + np.tile(by[0], 2) for actor, by in zip(seen, jitter, strict=True)]
            ).reshape(-1, 4),
            np.array([actor.score for actor in seen]),
            np.array([actor.five() + by for actor, by in zip(seen, jitter, strict=True)]).reshape(-1, 5, 2),
        )

    def look_closer(self, planes: Planes, region: Region) -> tuple[float, np.ndarray] | None:
        actor = self._nearest(region)
        return (actor.closer, actor.five()) if actor and actor.closer else None

    def fit(self, planes: Planes, region: Region) -> Mesh:
        self.fits += 1
        actor = self._nearest(region)
        if actor is None:
            return Mesh(mean_face() * region.side / 4 + (region.x, region.y, 0.0), 0.0)
        points = actor.points(actor.mesh_off)
        points[:, :2] += self._rng.normal(0, self.noise * actor.scale, (1, 2))
        return Mesh(points, actor.presence)

    def _nearest(self, region: Region) -> Actor | None:
        """The face whose middle is nearest to the region's, if it is near at all."""
        middles = [actor.box().reshape(2, 2).mean(axis=0) for actor in self._cast]
        apart = [np.hypot(x - region.x, y - region.y) / region.side for x, y in middles]
        return self._cast[int(np.argmin(apart))] if apart and min(apart) <= 0.25 else None

    def play(
        self,
        script: Callable[[float], Sequence[Actor]],
        times: Sequence[float] | NDArray[np.floating],
        settings: FollowSettings | None = None,
        patience: Patience | None = None,
    ) -> list[list[Track[dict[str, int]]]]:
        """The tracks that a follower gives for each frame; poses are those of the moment, as copies."""
        settings = settings or FollowSettings()
        follower: FaceFollower[dict[str, int]] = FaceFollower(self, self, self, settings, dict, patience)  # type: ignore[arg-type]
        played = []
        for time in times:
            self._cast = script(time)
            if not self.still:
                self.planes.y[:40, :40] = self._flash = (self._flash + 77) % 256
            frame = SimpleNamespace(time=time, planes=lambda: self.planes)
            tracks = follower.follow(frame)  # type: ignore[arg-type]
            played.append([_snapshot(track) for track in tracks])
        return played


def _snapshot(track: Track[dict[str, int]]) -> Track[dict[str, int]]:
    kept = ("number", "pose", "box", "score", "presence", "coasting", "frames", "memory")
    return SimpleNamespace(**{name: getattr(track, name) for name in kept})  # type: ignore[return-value]
