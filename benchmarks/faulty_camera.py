"""A camera on this machine that does wrong on request: RTSP over TCP, H.264 or H.265, and G.711.

It shows a clip again and again, to everybody who calls, from now on and in real time.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import av
import numpy as np
from av.video.stream import VideoStream

from stream_unmask.errors import InputError

Fault = Literal["hang-up", "away", "silence", "frozen", "garbage", "clock", "size", "burst", "codec", "mute"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
"""What it can do wrong: hang up; hang up and be off for a while; bring nothing; bring sound alone; send
garbage; have its clock set back by an hour; come back with another size; hold everything back and send it at
once; come back with another codec; come back without sound, until it hangs up the next time."""

_HELD_BACK = 2.0
_GARBAGE = 200_000
_CLOCK_STEP = -3600
_SAMPLES, _BLOCK = 8000, 160
"""G.711: samples a second, and in a packet."""

_VIDEO_TICKS = 90_000
_LARGEST = 1400
"""Bytes of a packet."""

_RTCP = (200, 204)

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "a=control:*\r\na=range:npt=now-\r\n"
)
_SDP_VIDEO = {
    "h264": "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n",
    "hevc": "a=rtpmap:96 H265/90000\r\n",
}
_SDP_SOUND = "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:track1\r\n"


class FaultyCamera:
    """Listens until it is closed.

    Args:
        clip: an MPEG transport stream of H.264 or H.265 that it shows.
        other: a clip of another size, which the fault ``size`` changes to and back.
        recoded: a clip of another codec, which the fault ``codec`` changes to and back.

    Attributes:
        port: that it listens at.
        began: by ``time.monotonic``, when somebody last began to watch; 0 before.
        shows: by the same, when the newest picture went to anybody.
        number: of that picture in its clip.
        muted: it has no sound, for whoever calls it next.
    """

    def __init__(self, clip: Path, other: Path | None = None, recoded: Path | None = None) -> None:
        first = _Clip(clip)
        self._clips = {
            "": first,
            "size": _Clip(other) if other is not None else first,
            "codec": _Clip(recoded) if recoded is not None else first,
        }
        self._shown = ""
        self.muted = False
        self._away = threading.Event()
        self._over = threading.Event()
        self._callers: set[_Caller] = set()
        self._lock = threading.Lock()
        self.began = self.shows = 0.0
        self.number = 0
        self.silent_until = self.frozen_until = self.held_until = 0.0
        self.clock_step = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, name="faulty camera", daemon=True).start()

    @property
    def address(self) -> str:
        """Where it is called."""
        return f"rtsp://127.0.0.1:{self.port}/camera"

    @property
    def clip(self) -> _Clip:
        """What it shows now."""
        return self._clips[self._shown]

    def do(self, fault: Fault, seconds: float = 0.0) -> None:
        """Do wrong from now on, for so many seconds where the fault lasts.

        Raises:
            ValueError: there is no such fault.
        """
        now = time.monotonic()
        if fault == "silence":
            self.silent_until = now + seconds
        elif fault == "frozen":
            self.frozen_until = now + seconds
        elif fault == "burst":
            self.held_until = now + _HELD_BACK
        elif fault == "clock":
            self.clock_step += _CLOCK_STEP
        elif fault == "away":
            self._away.set()
            threading.Timer(seconds, self._away.clear).start()
            self._hang_up()
        elif fault in ("hang-up", "garbage", "size", "codec", "mute"):
            if fault in ("size", "codec"):
                self._shown = "" if self._shown == fault else fault
            self.muted = fault == "mute"
            self._hang_up(os.urandom(_GARBAGE) if fault == "garbage" else b"")
        else:
            raise ValueError(f"There is no fault {fault}.")

    def close(self) -> None:
        """Hang up, and listen no more."""
        self._over.set()
        self._socket.close()
        self._hang_up()

    def _hang_up(self, last: bytes = b"") -> None:
        with self._lock:
            callers, self._callers = self._callers, set()
        for caller in callers:
            caller.hang_up(last)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._away.is_set():
                connection.close()
                continue
            caller = _Caller(self, connection)
            with self._lock:
                self._callers.add(caller)
            threading.Thread(target=self._serve, args=(caller,), name="caller", daemon=True).start()

    def _serve(self, caller: _Caller) -> None:
        try:
            with suppress(OSError, ValueError):
                caller.serve()
        finally:
            caller.hang_up()
            with self._lock:
                self._callers.discard(caller)


class _Clip:
    """Packets of a clip's video, Annex B with the parameter sets in band.

    Attributes:
        video: the stream that it comes from.
        rate: pictures a second.
        packets: one a picture.
        sdp: what a camera says of it before it is shown.
    """

    def __init__(self, path: Path) -> None:
        self._container = av.open(path)  # it holds the stream that is a template for others
        self.video = self._container.streams.video[0]
        codec = self.video.codec_context.name
        if codec not in _SDP_VIDEO or self._container.format.name != "mpegts":
            raise InputError(f"{path} is no transport stream of H.264 or H.265.", path=path)
        self.sdp = f"m=video 0 RTP/AVP 96\r\n{_SDP_VIDEO[codec]}a=control:track0\r\n"
        self.rate = float(self.video.average_rate or 25)
        self.packets = [bytes(packet) for packet in self._container.demux(self.video) if packet.size]


class _Caller:
    """Somebody who calls the camera, until either hangs up."""

    def __init__(self, camera: FaultyCamera, connection: socket.socket) -> None:
        self._camera, self._connection = camera, connection
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._channels: dict[int, int] = {}
        self._clip = camera.clip

    def hang_up(self, last: bytes = b"") -> None:
        self._over.set()
        with suppress(OSError):
            if last:
                self._connection.settimeout(1)
                self._connection.sendall(last)
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def serve(self) -> None:
        """Answer requests."""
        with self._connection.makefile("rb") as said:
            while first := said.read(1):
                if first == b"$":
                    _, length = struct.unpack(">BH", said.read(3))
                    said.read(length)
                    continue
                method, address, _ = (first + said.readline()).decode().split(" ", 2)
                fields = dict(_fields(said.readline))
                self._answer(method, address, fields)

    def _answer(self, method: str, address: str, fields: dict[str, str]) -> None:
        state, lines, body = "200 OK", ["Session: 1;timeout=60"], ""
        if method == "OPTIONS":
            lines = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"]
        elif method == "DESCRIBE":
            self._clip = self._camera.clip
            body = _SDP + self._clip.sdp + ("" if self._camera.muted else _SDP_SOUND)
            lines = [
                f"Content-Base: {address}/",
                "Content-Type: application/sdp",
                f"Content-Length: {len(body)}",
            ]
        elif method == "SETUP":
            wanted = re.search(r"interleaved=(\d+)", fields.get("transport", ""))
            if wanted is None:
                state = "461 Unsupported Transport"
            else:
                channel = self._channels[int(address[-1])] = int(wanted[1])
                lines.append(f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}")
        head = "\r\n".join([f"RTSP/1.0 {state}", f"CSeq: {fields.get('cseq', '0')}", *lines])
        self._send(f"{head}\r\n\r\n{body}".encode())
        if method == "PLAY":
            self._camera.began = time.monotonic()
            for work in (self._show, self._sound)[: len(self._channels)]:
                threading.Thread(target=self._guarded, args=(work,), name=work.__name__, daemon=True).start()

    def _send(self, data: bytes) -> None:
        with self._sending:
            self._connection.sendall(data)

    def _guarded(self, work: Callable[[], None]) -> None:
        with suppress(OSError):
            work()

    def _show(self) -> None:
        clip = self._clip
        track = _Track(self, 0, clip.video)
        packets = itertools.cycle(enumerate(clip.packets))
        for number in self._times(1 / clip.rate):
            # Who calls while it is frozen is shown a keyframe first all the same.
            if self._camera.frozen_until < time.monotonic():
                index, data = next(packets)
                track.send(data, round(number * _VIDEO_TICKS / clip.rate))
                self._camera.shows, self._camera.number = time.monotonic(), index

    def _sound(self) -> None:
        track = _Track(self, 1, None)
        second = _beep()
        for number in self._times(_BLOCK / _SAMPLES):
            start = number * _BLOCK % _SAMPLES
            track.send(second[start : start + _BLOCK], number * _BLOCK)

    def _times(self, step: float) -> Iterator[int]:
        """Numbers, each at its time, as long as somebody listens; those in a silence are left out."""
        began = time.monotonic()
        for number in itertools.count():
            due = began + number * step
            if self._over.wait(max(0.0, max(due, self._camera.held_until) - time.monotonic())):
                return
            if self._camera.silent_until < time.monotonic():
                yield number

    def packet(self, track: int, packet: bytes) -> None:
        """Send an RTP packet of a track."""
        if packet[1] in range(*_RTCP):
            return
        moved = bytearray(packet)
        (ticks,) = struct.unpack_from(">I", packet, 4)
        rate = _VIDEO_TICKS if track == 0 else _SAMPLES
        struct.pack_into(">I", moved, 4, (ticks + self._camera.clock_step * rate) % 2**32)
        self._send(struct.pack(">BBH", 0x24, self._channels[track], len(moved)) + moved)


class _Track:
    """FFmpeg's RTP of one stream, a packet at a time."""

    def __init__(self, caller: _Caller, number: int, video: VideoStream | None) -> None:
        self._caller, self._number = caller, number
        self._container = av.open(self, "w", format="rtp", options={"packetsize": str(_LARGEST)})
        self._ticks = _SAMPLES if video is None else _VIDEO_TICKS
        self._stream: Any = (
            self._container.add_stream("pcm_mulaw", _SAMPLES, layout="mono")
            if video is None
            else self._container.add_stream_from_template(video)
        )

    def write(self, data: bytes) -> int:
        """Called by the muxer with one packet."""
        self._caller.packet(self._number, data)
        return len(data)

    def send(self, data: bytes, pts: int) -> None:
        packet = av.Packet(data)
        packet.pts = packet.dts = pts
        packet.time_base, packet.stream = Fraction(1, self._ticks), self._stream
        self._container.mux_one(packet)


def _fields(readline: Callable[[], bytes]) -> Iterator[tuple[str, str]]:
    while line := readline().decode().strip():
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def _beep() -> bytes:
    """A second of sound in mu-law: a short tone, then silence."""
    moments = np.arange(_SAMPLES) / _SAMPLES
    wave = np.where(moments < 0.06, 0.5 * np.sin(2 * np.pi * 1000 * moments), 0.0)
    encoder = av.CodecContext.create("pcm_mulaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = _SAMPLES, "mono", "s16"
    frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], "s16", "mono")
    frame.sample_rate = _SAMPLES
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
