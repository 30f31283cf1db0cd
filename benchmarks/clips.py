"""Clips made on the spot, so that a demo or a measurement needs no download.

The face is that of the astronaut Eileen Collins (NASA, public domain), as scikit-image brings it. Its mask
is drawn by the synthesiser, and the whole picture is moved as a hand-held camera would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh, Region
from stream_unmask.faces.weights import centerface, face_landmark
from stream_unmask.synth import draw_mask
from stream_unmask.video.images import as_frame
from stream_unmask.video.thumbnail import Thumbnailer

Pixels = NDArray[np.uint8]

_AUDIO_RATE = 48_000

_HEAD_LEFT, _HEAD_SIDE = 102, 256
"""The square of the photograph's first rows that holds the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipOptions:
    """What a clip shows.

    Attributes:
        width: of the picture in pixels, even.
        height: of the picture in pixels, even.
        frames: how many.
        rate: frames a second.
        faces: how many, in cells beside each other; each as large as its cell allows.
        masked: the faces wear masks.
        moving: the camera moves; else only the sensor's noise does.
        noise: standard deviation of the sensor's noise in 8-bit steps.
        sound: a short beep every second.
        seed: of the mask and of the noise.
    """

    width: int = 1280
    height: int = 720
    frames: int = 150
    rate: int = 25
    faces: int = 1
    masked: bool = True
    moving: bool = True
    noise: float = 2.0
    sound: bool = True
    seed: int = 2


def make_clip(path: Path, options: ClipOptions, *, codec: str = "libx264") -> Path:
    """Write a clip.

    Args:
        path: the file to write; its suffix decides the container.
        options: what it shows.
        codec: video codec.
    """
    scene = _portrait(options) if options.faces == 1 else _crowd(options)
    with av.open(path, "w") as container:
        video = _add_video(container, options, codec)
        tone = container.add_stream("aac", _AUDIO_RATE, layout="mono") if options.sound else None
        for index, picture in enumerate(_pictures(scene, options)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p", dst_colorspace=1)
            frame.pts, frame.time_base = index, Fraction(1, options.rate)
            container.mux(video.encode(frame))
            if tone is not None and index % options.rate == 0:
                container.mux(tone.encode(_beep(index // options.rate)))
        container.mux(video.encode(None))
        if tone is not None:
            container.mux(tone.encode(None))
    return path


def _add_video(container: OutputContainer, options: ClipOptions, codec: str) -> VideoStream:
    video = cast(VideoStream, container.add_stream(codec, options.rate))
    video.width, video.height, video.pix_fmt = options.width, options.height, "yuv420p"
    if codec.startswith("libx26"):
        video.options = {"crf": "16"}
    if codec == "libx265":
        video.options |= {"x265-params": "log-level=error"}
    return video


def astronaut(side: int) -> Pixels:
    """The photograph, (side, side, 3) RGB."""
    return np.asarray(cv2.resize(_photograph(), (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def _photograph() -> Pixels:
    import skimage.data  # an extra: the runtime does without it

    return np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]


def portrait(side: int = 512) -> Pixels:
    """The photograph's head, (side, side, 3) RGB."""
    head = _photograph()[:_HEAD_SIDE, _HEAD_LEFT : _HEAD_LEFT + _HEAD_SIDE]
    return np.asarray(cv2.resize(head, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def put_mask_on(photo: Pixels, seed: int) -> Pixels:
    """Draw a mask on the largest face of a photograph.

    Args:
        photo: (H, W, 3) RGB with a face in it.
        seed: which mask.
    """
    return _masked(photo, find_mesh(photo), seed)


def _masked(photo: Pixels, points: NDArray[np.float64], seed: int) -> Pixels:
    return draw_mask(photo, points, np.random.default_rng(seed))[0]


def find_mesh(photo: Pixels) -> NDArray[np.float64]:
    """(468, 3) mesh points of the surest face of a photograph."""
    frame = as_frame(photo)
    detector = CenterFace(OpenVINOEngine(centerface(), 0, [INPUT_SHAPE]))
    mesh = FaceMesh(OpenVINOEngine(face_landmark(), 0))
    found = detector.detect(Thumbnailer().shrink(frame))
    return mesh.fit(frame.planes(), Region.of_detection(found.boxes[0], found.five[0])).points


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the camera looks at.

    Attributes:
        photo: (H, W, 3) RGB.
        centre: the pixel of it that the camera turns about.
        target: where in the frame that pixel lies while the camera is still, as shares of width and height.
        reach: how far the camera moves; 1 is as far as one large face allows.
    """

    photo: Pixels
    centre: tuple[float, float]
    target: tuple[float, float]
    reach: float = 1.0


def _portrait(options: ClipOptions) -> _Scene:
    # Larger than the frame, so that the moving camera never sees its edge.
    photo = astronaut(round(1.3 * options.width))
    if options.masked:
        photo = put_mask_on(photo, options.seed)
    return _Scene(photo, (photo.shape[1] * 0.44, photo.shape[0] * 0.27), (0.45, 0.47))


def _crowd(options: ClipOptions) -> _Scene:
    """The same face many times, every second one mirrored, each with a mask of its own."""
    width, height, count = options.width, options.height, options.faces
    columns = max(range(1, count + 1), key=lambda many: min(width // many, height // -(-count // many)))
    rows = -(-count // columns)
    side = min(width // columns, height // rows)
    head = _photograph()[:_HEAD_SIDE, _HEAD_LEFT : _HEAD_LEFT + _HEAD_SIDE]
    photo = np.full((height, width, 3), np.median(head[:, 0], axis=0), np.uint8)
    points = find_mesh(head)
    left, top = (width - columns * side) // 2, (height - rows * side) // 2
    for index in range(count):
        cell = _masked(head, points, options.seed + index) if options.masked else head
        cell = np.asarray(
            cv2.resize(cell[:, :: -1 if index % 2 else 1], (side, side), interpolation=cv2.INTER_AREA)
        )
        y, x = top + index // columns * side, left + index % columns * side
        photo[y : y + side, x : x + side] = cell
    return _Scene(photo, (width / 2, height / 2), (0.5, 0.5), reach=1 / max(columns, rows))


def _pictures(scene: _Scene, options: ClipOptions) -> Iterator[Pixels]:
    """The scene as a hand-held camera sees it, one picture after the other."""
    rng = np.random.default_rng(options.seed)
    size = (options.width, options.height)
    grain = rng.normal(0.0, options.noise, (2 * options.height, 2 * options.width, 1)).astype(np.float32)
    (x, y), reach = scene.centre, scene.reach
    for index in range(options.frames):
        seconds = index / options.rate if options.moving else 0.0
        sway = np.sin(2 * np.pi * seconds * np.array([0.21, 0.17, 0.13, 0.11]))
        matrix = cv2.getRotationMatrix2D(scene.centre, 4.0 * reach * sway[0], 1.0 + 0.06 * reach * sway[1])
        matrix[:, 2] += (
            (0.06 * reach * sway[2] + scene.target[0]) * options.width - x,
            (0.05 * reach * sway[3] + scene.target[1]) * options.height - y,
        )
        picture = cv2.warpAffine(
            scene.photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        # A window moved at random over one field of noise: new grain in every picture, for little work.
        left, top = rng.integers(0, options.width), rng.integers(0, options.height)
        noise = grain[top : top + options.height, left : left + options.width]
        yield np.clip(picture + noise, 0, 255).astype(np.uint8)


def _beep(second: int) -> av.AudioFrame:
    """One second of sound: a tenth of it a tone, the rest silence."""
    time = np.arange(_AUDIO_RATE) / _AUDIO_RATE
    wave = np.where(time < 0.1, 0.2 * np.sin(2 * np.pi * 660 * time), 0.0).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
    frame.sample_rate = _AUDIO_RATE
    frame.pts, frame.time_base = second * _AUDIO_RATE, Fraction(1, _AUDIO_RATE)
    return frame
