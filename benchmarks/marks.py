"""How faint marks are, what they outlive, and that nothing else is taken for one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from benchmarks.results import Result
from stream_unmask.api import Unmasker
from stream_unmask.inpainting.cpu.compositing import composite
from stream_unmask.marks.carriers import MOVING
from stream_unmask.marks.code import Message
from stream_unmask.marks.reading import least_strength, read, respond
from stream_unmask.marks.writing import Marker
from stream_unmask.output.masks import mask_path
from stream_unmask.output.writing import OutputOptions
from stream_unmask.pipeline import Stream
from stream_unmask.settings import Settings
from stream_unmask.verifying.faces import FaceReader, Stretch, is_sure
from stream_unmask.verifying.findings import MOST_FALSE_ALARMS
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import as_frame
from stream_unmask.video.source import open_source

WIDE = 128.0
"""Pixels of the narrowest face that counts."""

_SECONDS = 3.0
"""Of the shortest stretch that counts; a reader takes four seconds together."""

_MASKED = 128
"""Luma from which on a video of masks shows one."""

_COMPARED = 10
"""Frames of each clip that are also unmasked without a mark."""

_COLUMNS = (
    "what was done to the video",
    "inpainted stretches of four seconds read as marked",
    "weakest reading",
)


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that is done to a video.

    Attributes:
        name: what.
        codec: of the video that comes out; empty where frames are looked at as they are.
        options: of the codec.
        scale: of the picture's sides.
    """

    name: str
    codec: str = ""
    options: tuple[tuple[str, str], ...] = ()
    scale: float = 1.0


_VP9 = (("crf", "32"), ("b", "0"), ("cpu-used", "5"), ("deadline", "good"))
ATTACKS = (
    Attack("nothing"),
    Attack("x264 again, crf 28", "libx264", (("crf", "28"),)),
    Attack("3/4 of the size, x264 crf 23", "libx264", (("crf", "23"),), 0.75),
    Attack("3/4 of the size, x264 crf 28", "libx264", (("crf", "28"),), 0.75),
    Attack("VP9, crf 32", "libvpx-vp9", _VP9),
)
SCREENSHOTS = Attack("every frame as a PNG screenshot")


def measure(masked: Sequence[Path], bare: Sequence[Path], work: Path, command: str) -> Result:
    """Unmask clips, do something to them, and look for the marks.

    Args:
        masked: clips of masked faces.
        bare: clips without any mark.
        work: folder for what is made.
        command: that measured it.
    """
    unmasker = Unmasker(Settings())
    found: dict[Attack, list[bool]] = {attack: [] for attack in (*ATTACKS, SCREENSHOTS)}
    strengths: dict[Attack, list[float]] = {attack: [] for attack in found}
    for clip in masked:
        output = work / f"{clip.stem}.unmasked.mp4"
        unmasker.video(clip, output, OutputOptions(save_masks=True, overwrite=True))
        inpainted = _inpainted_times(mask_path(output, ".mp4"))
        for attack in found:
            stretches = _stretches(_attacked(output, attack, work), attack.scale)
            readings = [each.reading for each in stretches if _is_marked(each, inpainted)]
            found[attack] += [is_sure(each, math.log(len(stretches))) for each in readings]
            strengths[attack] += [each.strength for each in readings]
    rows = [
        [each.name, f"{sum(found[each])} of {len(found[each])}", f"{min(strengths[each], default=0):.1f}"]
        for each in found
    ]
    rows.append(_of_bare(bare))
    return Result.now("marks in unmasked videos", command, _COLUMNS, rows, _note(unmasker, masked))


def _inpainted_times(masks: Path) -> NDArray[np.float64]:
    """When something was inpainted, by the video of the masks; elsewhere there is nothing to read."""
    return np.array([frame.time for frame in _frames(masks) if frame.planes().y.max() > _MASKED])


def _is_marked(stretch: Stretch, inpainted: NDArray[np.float64]) -> bool:
    """Whether something was inpainted for most of a stretch."""
    inside = inpainted[(inpainted >= stretch.first) & (inpainted <= stretch.last)]
    return len(inside) > 1 and float(np.ptp(inside)) >= _SECONDS


def _of_bare(clips: Sequence[Path]) -> list[str]:
    """What is read in videos without a mark."""
    readings = [each.reading for clip in clips for each in _stretches(_frames(clip), 1.0, narrowest=0)]
    alarms = sum(is_sure(each, 0.0) for each in readings)
    strongest = max((each.strength for each in readings), default=0.0)
    return ["videos without a mark", f"{alarms} of {len(readings)}", f"strongest: {strongest:.1f}"]


def _note(unmasker: Unmasker, clips: Sequence[Path]) -> str:
    psnr = [_psnr(unmasker, clip) for clip in clips]
    sentences = (
        f"Faces from {WIDE:.0f} pixels on.",
        f"One reading alone is that of a mark from {_least_strength():.1f} on.",
        f"PSNR of the mark where the mask was: {min(psnr):.1f} to {max(psnr):.1f} dB.",
        f"Milliseconds of a core: {_write_ms():.2f} a face to write it,",
        f"{_read_ms(clips[0]):.1f} a frame to find the face and read it.",
    )
    return " ".join(sentences)


def _least_strength() -> float:
    """From which on a reading, the only one of a file, is a mark's."""
    nothing = np.random.default_rng(0).normal(0, 0.01, (50, 3, 64, 64)).astype(np.float32)
    tried = read(MOVING, respond(MOVING, np.arange(50) / 12.5, nothing)).tried
    return least_strength(tried, MOST_FALSE_ALARMS)


def _stretches(
    frames: Iterator[Frame], scale: float, narrowest: float = WIDE, threads: int = 0
) -> list[Stretch]:
    """What is read of the faces of a video that was ``scale`` times as large before."""
    reader = FaceReader(threads=threads)
    for frame in frames:
        reader.see(frame)
    reader.end()
    every = [each for face in reader.faces for each in face.stretches]
    return [each for each in every if each.width >= scale * narrowest and each.last - each.first >= _SECONDS]


def _frames(path: Path) -> Iterator[Frame]:
    with open_source(path) as source:
        yield from (item for item in source if isinstance(item, Frame))


def _attacked(path: Path, attack: Attack, work: Path) -> Iterator[Frame]:
    """The frames of a video after an attack."""
    if attack is SCREENSHOTS:
        for frame in _frames(path):
            shot = cv2.imdecode(cv2.imencode(".png", frame.to_ndarray("bgr24"))[1], cv2.IMREAD_COLOR_RGB)
            picture = as_frame(np.asarray(shot, np.uint8))
            yield replace(picture, pts=round(1000 * frame.time), time_base=Fraction(1, 1000))
    elif attack.codec:
        yield from _frames(_encoded(path, attack, work / "attacked.mkv"))
    else:
        yield from _frames(path)


def _encoded(path: Path, attack: Attack, target: Path) -> Path:
    with av.open(path) as source, av.open(target, "w") as container:
        video = source.streams.video[0]
        width, height = (2 * round(attack.scale * side / 2) for side in (video.width, video.height))
        stream = _stream(container, attack, video.average_rate or Fraction(25), width, height)
        for frame in source.decode(video):
            small = frame.reformat(width, height, "yuv420p", interpolation="BICUBIC")
            small.pts, small.time_base = frame.pts, frame.time_base
            container.mux(stream.encode(small))
        container.mux(stream.encode(None))
    return target


def _stream(
    container: OutputContainer, attack: Attack, rate: Fraction, width: int, height: int
) -> VideoStream:
    stream = container.add_stream(attack.codec, rate)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.options = dict(attack.options)
    return stream


def _psnr(unmasker: Unmasker, clip: Path) -> float:
    """Of RGB with a mark against RGB without, in dB, where the mask was."""
    plain = Stream(unmasker.networks, replace(unmasker.settings, mark=False))
    errors = []
    for marked, bare in zip(_unmasked(unmasker.stream(), clip), _unmasked(plain, clip), strict=True):
        errors += _errors(*marked, bare[0])
    return 10 * math.log10(255**2 / float(np.mean(errors)))


def _unmasked(stream: Stream, clip: Path) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Pictures, and where in them something was inpainted in full."""
    for frame, _ in zip(_frames(clip), range(_COMPARED), strict=False):
        faces = stream.process(frame)
        picture = frame.to_ndarray()
        inside = np.zeros(picture.shape[:2], bool)
        for face in faces:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            inside |= cv2.warpAffine(face.alpha, face.alignment.matrix, inside.shape[::-1], flags=flags) > 0.5
        yield picture, inside


def _errors(marked: NDArray[np.uint8], inside: NDArray[np.bool_], bare: NDArray[np.uint8]) -> list[float]:
    """Mean square error of a picture where something was inpainted, if anything was."""
    if not inside.any():
        return []
    return [float(((marked[inside].astype(np.float32) - bare[inside]) ** 2).mean())]


def _write_ms(rounds: int = 100) -> float:
    """What a mark costs, in milliseconds of one core, of a face in a 720p frame."""
    frame = as_frame(np.full((720, 1280, 3), 128, np.uint8))
    planes, crop = frame.writable_planes(), np.zeros((3, 256, 256), np.float32)
    alpha = np.zeros((256, 256), np.float32)
    alpha[110:225, 55:200] = 1
    place, marker = np.array([[1.0, 0, -500], [0, 1.0, -200]]), Marker(Message(False))

    def cost(make: Callable[[int], NDArray[np.float32] | None]) -> float:
        composite(planes, place, crop, alpha, mark=make(0))
        start = time.process_time()
        for each in range(rounds):
            composite(planes, place, crop, alpha, mark=make(each))
        return 1000 * (time.process_time() - start) / rounds

    return cost(lambda index: marker.at(index / 25)) - cost(lambda index: None)


def _read_ms(clip: Path) -> float:
    """Milliseconds of one core that a frame that is looked at costs a reader, decoding left out."""
    frames = [frame for frame, _ in zip(_frames(clip), range(100), strict=False)]
    reader = FaceReader(threads=1)
    start = time.process_time()
    for frame in frames:
        reader.see(frame)
    reader.end()
    return 1000 * (time.process_time() - start) / reader.frames
