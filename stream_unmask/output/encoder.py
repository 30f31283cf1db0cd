"""From frames to packets: the codec of what is written, its quality, pixel format, colours and timestamps."""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from stream_unmask.errors import OutputError
from stream_unmask.output.codecs import EncoderSettings, choose_codec, set_options, usable
from stream_unmask.output.timeline import Timeline
from stream_unmask.video.files import reason
from stream_unmask.video.formats import nearest_format, plane_layout, significant_bits
from stream_unmask.video.frame import FULL_RANGE, LIMITED_RANGE, Frame
from stream_unmask.video.info import SourceInfo

_USUAL_RATE = Fraction(25)
_CONSTANT_RATE_CODECS = frozenset(("mpeg4", "mpeg2video", "mpeg1video", "msmpeg4", "msmpeg4v2", "flv"))


class VideoEncoder:
    """One encoded video stream of a container.

    Args:
        container: gets the stream; its header must not have been written.
        info: the video that is encoded.
        settings: how.
        timeline: that of all streams of the container.
        width_factor: how many times wider than the source's the frames are.

    Attributes:
        warnings: a sentence for what of the picture is lost.
        time_base: seconds in a tick of what is written.
        pixel_format: of what is written.
        repaired_timestamps: frames that were not later than the one before, and were moved behind it.

    Raises:
        OutputError: there is no such codec, it does not fit the container, or it refuses the settings.
    """

    def __init__(
        self,
        container: OutputContainer,
        info: SourceInfo,
        settings: EncoderSettings,
        timeline: Timeline,
        width_factor: int = 1,
    ) -> None:
        settings, self.warnings = usable(settings, info)
        codec = choose_codec(settings, container.format.name, info)
        rate = info.average_rate or _USUAL_RATE
        try:
            stream: VideoStream = container.add_stream(codec.name, rate=rate)  # type: ignore[assignment]
        except ValueError as error:
            raise OutputError(f"A {container.format.name} file cannot hold {codec.name} video.") from error
        constant_rate = container.format.name == "avi" or codec.name in _CONSTANT_RATE_CODECS
        self.time_base = 1 / rate if constant_rate else info.time_base
        self.pixel_format = _pixel_format(codec, info, width_factor)
        self.warnings += _losses(codec.name, info.pixel_format, self.pixel_format)
        self.repaired_timestamps = 0
        self._stream = stream
        self._reformatter = VideoReformatter()
        self._width, self._height = info.width * width_factor, info.height
        self._usual_duration = max(1, round(1 / (rate * self.time_base)))
        self._last_pts: int | None = None
        self._timeline = timeline
        self._configure(container.format.name, info, settings)

    def _configure(self, format_name: str, info: SourceInfo, settings: EncoderSettings) -> None:
        context = self._stream.codec_context
        context.width, context.height = self._width, self._height
        context.pix_fmt = self.pixel_format
        context.time_base = self._stream.time_base = self.time_base
        context.thread_count = settings.threads
        context.flags |= Flags.frame_duration
        if info.sample_aspect:
            context.sample_aspect_ratio = info.sample_aspect
        if format_name == "avi":
            context.max_b_frames = 0  # it stores no order of presentation
        if context.codec.canonical_name == "hevc" and format_name in ("mp4", "mov", "ipod"):
            context.codec_tag = "hvc1"  # Apple's players know no other
        if info.interlaced:
            context.flags |= Flags.interlaced_dct | Flags.interlaced_me
            context.field_order = info.field_order
        _tag_colours(context, info)
        set_options(context, settings, info)
        try:
            context.open()
        except (av.FFmpegError, ValueError) as error:
            raise OutputError(
                f"The encoder {context.name} does not take {self._width}x{self._height} {self.pixel_format}"
                f" with these settings: {reason(error)}."
            ) from error

    @property
    def stream(self) -> VideoStream:
        """The stream, as the container knows it."""
        return self._stream

    def encode(self, frame: Frame) -> list[Packet[VideoStream]]:
        """Packets that are ready once ``frame`` is there; often none."""
        picture = self._fitting(frame.picture)
        # An encoder would take the source's choice of I, P and B frames for an order.
        picture.pict_type = 0
        picture.pts = self._pts(frame)
        picture.time_base = self.time_base
        picture.duration = self._ticks(frame.duration * frame.time_base) or self._usual_duration
        return self._stream.encode(picture)

    def flush(self) -> list[Packet[VideoStream]]:
        """The packets that the encoder still holds at the end."""
        return self._stream.encode(None)

    def _pts(self, frame: Frame) -> int:
        offset = self._timeline.place(
            self._stream.index, frame.pts * frame.time_base, frame.duration * frame.time_base
        )
        if frame.time_base == self.time_base and not offset:
            pts = frame.pts
        else:
            pts = self._ticks(frame.pts * frame.time_base + offset)
        if self._last_pts is not None and pts <= self._last_pts:
            pts = self._last_pts + 1
            self.repaired_timestamps += 1
        self._last_pts = pts
        return pts

    def _ticks(self, seconds: Fraction) -> int:
        return round(seconds / self.time_base)

    def _fitting(self, picture: av.VideoFrame) -> av.VideoFrame:
        same_size = (picture.width, picture.height) == (self._width, self._height)
        if same_size and picture.format.name == self.pixel_format:
            return picture
        full = picture.color_range == FULL_RANGE or picture.format.name.startswith("yuvj")
        levels = FULL_RANGE if full else LIMITED_RANGE
        return self._reformatter.reformat(
            picture,
            self._width,
            self._height,
            self.pixel_format,
            src_color_range=levels,
            dst_color_range=levels,
        )


def _pixel_format(codec: av.Codec, info: SourceInfo, width_factor: int) -> str:
    odd = (bool(info.width * width_factor % 2), bool(info.height % 2))
    # H.264 and HEVC crop in steps of a chroma sample: where that is two pixels, an odd size cannot be said.
    cannot_be_odd = codec.canonical_name in ("h264", "hevc") and any(odd)
    offered = [each.name for each in codec.video_formats or ()] or [info.pixel_format]
    found = nearest_format(info.pixel_format, offered, odd if cannot_be_odd else (False, False))
    if found is None:
        raise OutputError(
            f"The encoder {codec.name} takes no pixel format that holds {info.width}x{info.height}"
            f" {info.pixel_format} video."
        )
    return found


def _losses(encoder: str, wanted: str, written: str) -> list[str]:
    """What a user should know of the pixel format that had to be chosen."""
    source, target = plane_layout(wanted), plane_layout(written)
    if (
        source is None
        or target is None
        or (source.shifts == target.shifts and (significant_bits(written) >= significant_bits(wanted)))
    ):
        return []
    sentence = f"The encoder {encoder} does not take {wanted} of this size; the video is written as {written}"
    return [f"{sentence}, which not every player shows." if target.subsampling != "420" else f"{sentence}."]


def _tag_colours(context: VideoCodecContext, info: SourceInfo) -> None:
    context.color_primaries = info.colours.primaries
    context.color_trc = info.colours.transfer
    context.colorspace = info.colours.matrix
    full = info.colours.range == FULL_RANGE or info.pixel_format.startswith("yuvj")
    context.color_range = FULL_RANGE if full else info.colours.range
