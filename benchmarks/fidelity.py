"""Whether everything but the masks comes out as it went in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.results import CLAIM, Result
from stream_unmask.api import Unmasker
from stream_unmask.inpainting.face import UnmaskedFace
from stream_unmask.output.sink import EncoderSettings
from stream_unmask.output.writing import OutputOptions
from stream_unmask.pixels.planes import Planes
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What came out, held against what went in.

    Attributes:
        frames: in the input and in the output.
        same_pts: every timestamp is equal, in seconds.
        packets: of sound, in the input and in the output.
        same_packets: every packet of sound is equal, byte for byte.
        same_pictures: every picture is equal, bit for bit, as it must be without a mask and losslessly coded.
        changed_outside: samples changed outside of the inpainted crops, over all frames.
        unmasked: frames with an inpainted crop.
    """

    frames: tuple[int, int]
    same_pts: bool
    packets: tuple[int, int]
    same_packets: bool
    same_pictures: bool
    changed_outside: int
    unmasked: int

    def __str__(self) -> str:
        return (
            f"frames {self.frames[0]} in, {self.frames[1]} out, pts equal: {self.same_pts}; sound packets "
            f"{self.packets[0]} in, {self.packets[1]} out, bytes equal: {self.same_packets}; "
            f"pictures equal after ffv1: {self.same_pictures}; inpainted crops in {self.unmasked} frames, "
            f"samples changed outside of them: {self.changed_outside}"
        )


def as_result(found: Sequence[Fidelity], command: str) -> Result:
    """Several clips as rows of claims; ``command`` measured them."""
    same = all(
        each.same_pts
        and each.same_packets
        and each.frames[0] == each.frames[1]
        and each.packets[0] == each.packets[1]
        for each in found
    )
    bare = all(each.same_pictures for each in found if not each.unmasked)
    rows = [
        ("frames, timestamps, sound packets out as in", "all equal" if same else "not all equal"),
        ("pictures without a mask, losslessly coded", "equal bit for bit" if bare else "not equal"),
        ("samples changed outside of inpainted crops", f"{sum(each.changed_outside for each in found):,}"),
    ]
    return Result.now("what comes out against what went in", command, CLAIM, rows)


def measure(clip: Path, work: Path) -> Fidelity:
    """Unmask a clip with a lossless codec and compare.

    Args:
        clip: any video, with or without masks and sound.
        work: folder for what is written.
    """
    unmasker = Unmasker()
    lossless = work / f"{clip.stem}.mkv"
    options = OutputOptions(encoder=EncoderSettings(codec="ffv1"), overwrite=True)
    unmasker.video(clip, lossless, options)
    # Matroska counts in milliseconds and begins at zero: times are held against a file of the input's kind.
    same_kind = work / f"{clip.stem}.out{clip.suffix}"
    unmasker.video(clip, same_kind)
    pictures = [(frame.time, frame.to_ndarray()) for frame in _frames(clip)]
    written = [(frame.time, frame.to_ndarray()) for frame in _frames(lossless)]
    sound, copied = _sound(clip), _sound(same_kind)
    times = [frame.time for frame in _frames(same_kind)]
    changed, unmasked = _changed_outside(unmasker, clip)
    return Fidelity(
        frames=(len(pictures), len(written)),
        same_pts=times == [time for time, _ in pictures],
        packets=(len(sound), len(copied)),
        same_packets=sound == copied,
        same_pictures=all(np.array_equal(a[1], b[1]) for a, b in zip(pictures, written, strict=True)),
        changed_outside=changed,
        unmasked=unmasked,
    )


def _frames(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(path) as container:
        yield from container.decode(video=0)


def _sound(path: Path) -> list[bytes]:
    with av.open(path) as container:
        if not container.streams.audio:
            return []
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def _changed_outside(unmasker: Unmasker, clip: Path) -> tuple[int, int]:
    changed = unmasked = 0
    with open_source(clip) as source:
        stream = unmasker.stream(rotation=source.info.rotation)
        for item in source:
            if isinstance(item, Frame) and (faces := stream.process(item)):
                unmasked += 1
                changed += _count(item.decoded_planes(), item.planes(), faces)
    return changed, unmasked


def _count(before: Planes, after: Planes, faces: list[UnmaskedFace]) -> int:
    """Luma samples that differ where no inpainted crop is."""
    covered = np.zeros(before.y.shape, np.uint8)
    for face in faces:
        # A sample blends the four crop pixels around it: one more pixel on every side may count.
        alpha = cv2.dilate((face.alpha > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
        matrix = np.vstack([face.alignment.matrix, (0, 0, 1)])
        y, x = np.indices(before.y.shape, dtype=np.float32)
        places = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
        crop_x, crop_y = (matrix @ places)[:2].reshape(2, *before.y.shape).astype(np.float32)
        seen = cv2.remap(alpha, crop_x, crop_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        np.maximum(covered, np.asarray(cv2.dilate(seen, np.ones((3, 3), np.uint8)), np.uint8), out=covered)
    return int(((before.y != after.y) & (covered == 0)).sum())
