"""Which encoder writes a video, and with what options."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import av
from av.video.codeccontext import VideoCodecContext

from stream_unmask.checks import check_count, check_seconds
from stream_unmask.errors import OutputError
from stream_unmask.output.hdr import hdr_options
from stream_unmask.output.scheduling import fairly_scheduled
from stream_unmask.video.formats import plane_layout
from stream_unmask.video.info import SourceInfo

_LOSSLESS = frozenset(("ffv1", "ffvhuff", "huffyuv", "magicyuv", "rawvideo", "utvideo"))
_CONTAINER_CODECS = {"webm": "libvpx-vp9", "avi": "mpeg4"}
_DEFAULT_CODEC = "libx264"
_DEEP_CODECS = {
    ("libvpx-vp9", "webm"): "libsvtav1",  # libvpx is mostly built for 8 bits
    **{("libx264", name): "libx265" for name in ("mp4", "mov", "ipod", "matroska", "mpegts")},
}
"""Who writes more than 8 bits where nobody was asked for: phones and browsers show 10-bit HEVC, but hardly
10-bit H.264."""

KNOWS_NO_FIELDS = frozenset(
    (*("libx265", "libvpx", "libvpx-vp9", "libsvtav1", "libaom-av1"), *("hevc_nvenc", "av1_nvenc", "mjpeg"))
)
"""Encoders that cannot say that a frame is made of two fields."""

_BOTTOM_FIELD_FIRST = 3

_QUALITY = {
    "libx264": 20,
    "libx265": 24,
    "libvpx-vp9": 28,
    "libvpx": 10,
    "libsvtav1": 28,
    "h264_nvenc": 21,
    "hevc_nvenc": 25,
    "av1_nvenc": 30,
}
_PRESETS = {"libx264": "faster", "libx265": "fast", "libvpx-vp9": "4", "libvpx": "4", "libsvtav1": "8"}
_FURTHER = {
    # Without a bit rate of 0 a quality is only an upper bound of it.
    "libvpx-vp9": {"b": "0", "row-mt": "1"},
    "libvpx": {"b": "20M"},
    "libx265": {"x265-params": "log-level=error"},
    "ffv1": {"level": "3", "slicecrc": "1"},
    # NVENC, too, takes a quality for a bound of the bit rate, of 2 Mbit/s, unless there is none.
    "h264_nvenc": {"rc": "vbr", "b": "0"},
    "hevc_nvenc": {"rc": "vbr", "b": "0"},
    "av1_nvenc": {"rc": "vbr", "b": "0"},
}

_USUAL_RATE = 25
_LEAST_LOOKAHEAD = 4
"""Frames held back that are worth it."""

_NOTHING_HELD_BY_VPX = {"lag-in-frames": "0", "deadline": "realtime"}
_NOTHING_HELD_BY_NVENC = {"zerolatency": "1", "delay": "0"}
_NOTHING_HELD = {
    "libx264": {"tune": "zerolatency"},
    "libx265": {"tune": "zerolatency"},
    "libvpx-vp9": _NOTHING_HELD_BY_VPX,
    "libvpx": _NOTHING_HELD_BY_VPX,
    "h264_nvenc": _NOTHING_HELD_BY_NVENC,
    "hevc_nvenc": _NOTHING_HELD_BY_NVENC,
    "av1_nvenc": _NOTHING_HELD_BY_NVENC,
}
"""What makes an encoder give each frame back at once."""

_INSTEAD_OF_NVENC = {"h264_nvenc": "libx264", "hevc_nvenc": "libx265", "av1_nvenc": "libsvtav1"}
"""Who writes the same kind of video on the CPU. A GeForce GPU encodes a few videos at the same time only,
whoever asks for them; a data centre's GPU may have no encoder at all."""

WORST_QUALITY = 63
"""The largest figure that any encoder's constant quality goes to."""

_QUANTISER_CODECS = frozenset(("mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "msmpeg4", "msmpeg4v2", "flv"))
_QUANTISER = 3
_LAMBDA = 118
"""FFmpeg's global_quality of a quantiser of 1 (FF_QP2LAMBDA)."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How the video is encoded.

    Attributes:
        codec: an FFmpeg encoder; None for what suits the container: VP9 for WebM (AV1 for more than 8 bits),
            MPEG-4 for AVI, which knows no frames out of order, H.264 for the others (HEVC for more than 8
            bits).
        quality: the encoder's own constant-quality figure (CRF, CQ or quantiser), lower is better; None for
            our default.
        preset: the encoder's name for a speed; None for our default.
            A slower one makes smaller files of the same quality.
        threads: 0 for as many as there are cores.
        gop: seconds between two keyframes at most; None for the encoder's own choice.
        lookahead: seconds of frames that the encoder may hold back, 0 for none; None for its own choice.
        bit_rate: bits a second that it may not exceed for longer than a second; None for no bound.
        profile: the encoder's name for what a decoder must know; None for its own choice.

    Raises:
        ValueError: there is no such encoder of videos here, or a number is none that any encoder takes.
    """

    codec: str | None = None
    quality: int | None = None
    preset: str | None = None
    threads: int = 0
    gop: float | None = None
    lookahead: float | None = None
    bit_rate: int | None = None
    profile: str | None = None

    def __post_init__(self) -> None:
        if self.codec is not None and not _is_video_encoder(self.codec):
            known = ", ".join(name for name in _QUALITY if _is_video_encoder(name))
            raise ValueError(f"codec must be a video encoder of FFmpeg, such as {known}, got {self.codec!r}")
        if self.preset is not None and (not isinstance(self.preset, str) or not self.preset):
            raise ValueError(f"preset must be a name of the encoder's, or None, got {self.preset!r}")
        if self.quality is not None:
            check_count("quality", self.quality, 0, WORST_QUALITY)
        check_count("threads", self.threads, 0)
        for name in ("gop", "lookahead"):
            if getattr(self, name) is not None:
                check_seconds(name, getattr(self, name))
        if self.bit_rate is not None:
            check_count("bit_rate", self.bit_rate, 1)

    @property
    def lossless(self) -> bool:
        """What is written can be read again bit for bit."""
        return self.codec in _LOSSLESS


def usable(settings: EncoderSettings, info: SourceInfo) -> tuple[EncoderSettings, list[str]]:
    """The settings, or, where the GPU's encoder is asked for and cannot be had, those for the CPU's.

    Args:
        settings: how the video is to be encoded.
        info: the video.

    Returns:
        How it will be, and a sentence for what is not as it was asked for.
    """
    instead = _INSTEAD_OF_NVENC.get(settings.codec or "")
    if instead is None or _can_open(settings.codec or "", info):
        return settings, []
    sentence = f"The GPU cannot encode by {settings.codec} now; the video is encoded by {instead} on the CPU."
    # Presets have other names there; the scales of quality are alike.
    return replace(settings, codec=instead, preset=None), [sentence]


def _can_open(name: str, info: SourceInfo) -> bool:
    try:
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = max(info.width, 256), max(info.height, 256), "nv12"
        context.time_base = info.time_base
        with fairly_scheduled():
            context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True


def choose_codec(settings: EncoderSettings, format_name: str, info: SourceInfo) -> av.Codec:
    """The encoder asked for, or the one that suits the container.

    Raises:
        OutputError: this FFmpeg was built without it.
    """
    name = settings.codec or _CONTAINER_CODECS.get(format_name, _DEFAULT_CODEC)
    layout = plane_layout(info.pixel_format)
    if settings.codec is None and layout is not None and layout.depth > 8 and not info.interlaced:
        name = _DEEP_CODECS.get((name, format_name), name)
    try:
        return av.Codec(name, "w")
    except ValueError as error:
        raise OutputError(f"FFmpeg has no encoder {name} here.") from error


def _is_video_encoder(name: str) -> bool:
    try:
        return av.Codec(name, "w").type == "video"
    except (ValueError, TypeError):
        return False


def set_options(context: VideoCodecContext, settings: EncoderSettings, info: SourceInfo) -> None:
    """Set quality, preset and what else an encoder is told before it is opened.

    Raises:
        OutputError: the settings name a quality or a preset, and the encoder has none.
    """
    name = context.name
    if name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # its one way not to print on stderr
    known = {option.name for option in context.supported_options.private}
    options = dict(_FURTHER.get(name, {}))
    if name == "libx264" and info.interlaced and info.field_order == _BOTTOM_FIELD_FIRST:
        options["x264-params"] = "bff=1"  # else what it writes before the first frame says otherwise
    if info.pixel_format.startswith("yuvj"):
        options["chroma_sample_location"] = "center"  # as JPEG has it
    quality = settings.quality if settings.quality is not None else _QUALITY.get(name)
    if quality is None and name in _QUANTISER_CODECS:
        quality = _QUANTISER
    if quality is not None:
        scale = _first(known, "crf", "cq", "qp")
        if scale is not None:
            options[scale] = str(quality)
        elif name in _QUANTISER_CODECS:
            context.qscale = True
            options["global_quality"] = str(quality * _LAMBDA)
        else:
            raise OutputError(f"The encoder {name} has no quality to choose.")
    preset = settings.preset or _PRESETS.get(name)
    if preset is not None:
        speed = _first(known, "preset", "cpu-used")
        if speed is None:
            raise OutputError(f"The encoder {name} has no presets.")
        options[speed] = preset
    options.update(_live_options(context, settings, info, known))
    for key, value in hdr_options(name, info).items():
        options[key] = f"{options[key]}:{value}" if key in options else value
    context.options = options


def _live_options(
    context: VideoCodecContext, settings: EncoderSettings, info: SourceInfo, known: set[str]
) -> dict[str, str]:
    """Options for keyframes in time, little held back, and an even bit rate."""
    rate = float(info.average_rate or _USUAL_RATE)
    options = {} if settings.profile is None else {"profile": settings.profile}
    if settings.gop is not None:
        context.gop_size = max(1, round(rate * settings.gop))
        if "forced-idr" in known:
            options["forced-idr"] = "1"
    if settings.bit_rate is not None:
        options["maxrate"] = options["bufsize"] = str(settings.bit_rate)
    if settings.lookahead is None:
        return options
    frames = int(rate * settings.lookahead)
    if frames < _LEAST_LOOKAHEAD:
        context.max_b_frames = 0
        even = {"sc_threshold": "0"} if settings.bit_rate is not None and "sc_threshold" in known else {}
        return options | even | _NOTHING_HELD.get(context.name, {})
    return options | ({"rc-lookahead": str(frames)} if "rc-lookahead" in known else {})


def _first(known: set[str], *wanted: str) -> str | None:
    return next((name for name in wanted if name in known), None)
