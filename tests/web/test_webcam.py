"""What a browser's webcam gets back is marked and labelled as a file is."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import PIL.Image
import pytest
from PIL.ExifTags import Base

from stream_unmask.api import Unmasker
from stream_unmask.verifying.verify import verify
from stream_unmask.web import webcam
from stream_unmask.web.webcam import Studio

RATE = 12


class Clock:
    """A picture every twelfth of a second, however slow the machine is."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks / RATE


def test_pictures_that_come_back_carry_mark_and_label(
    unmasker: Unmasker, masked_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webcam, "time", Clock())
    studio = Studio(lambda stand_in: unmasker.stream(), 1, unmasker.label)
    with av.open(masked_clip) as shown:
        sent = [
            cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"), [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
            for frame in shown.decode(video=0)
        ]

    async def back() -> list[bytes]:
        with studio.visit(None) as guest:
            return [await guest.unmask_jpeg(each.tobytes()) for each in sent]

    pictures = asyncio.run(back())
    for data in (pictures[0], pictures[-1]):
        with PIL.Image.open(BytesIO(data)) as opened:
            assert opened.getexif()[Base.ImageDescription] == unmasker.label
    with av.open(tmp_path / "seen.mp4", "w") as container:
        stream = container.add_stream("libx264", RATE)
        with PIL.Image.open(BytesIO(pictures[0])) as opened:
            stream.width, stream.height = opened.size
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "16"}
        for index, data in enumerate(pictures):
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            frame = av.VideoFrame.from_ndarray(np.asarray(pixels, np.uint8), "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    (face,) = verify(tmp_path / "seen.mp4").marks
    assert face.log10_chance < -6
