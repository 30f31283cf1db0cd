"""From frames to packets: the codec of what is written, its quality, pixel format, colours and timestamps."""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from stream_unmask.errors import OutputError
from stream_unmask.output.codecs import KNOWS_NO_FIELDS, EncoderSettings, choose_codec, set_options, usable
from stream_unmask.output.hdr import loses_hdr
from stream_unmask.output.letterbox import letterboxed
from stream_unmask.output.scheduling import fairly_scheduled
from stream_unmask.output.timeline import Timeline
from stream_unmask.video.files import reason
from stream_unmask.video.formats import nearest_format, plane_layout, significant_bits
from stream_unmask.video.frame import FULL_RANGE, LIMITED_RANGE, Frame
from stream_unmask.video.info import SourceInfo

_OFTEN_420 = frozenset(("h264", "hevc"))
"""Codecs whose hardware decoders, phones and browsers mostly show 4:2:0 only."""

USUAL_RATE = Fraction(25)
"""Frames a second where the source does not say."""

_CONSTANT_RATE_CODECS = frozenset(("mpeg4", "mpeg2video", "mpeg1video", "msmpeg4", "msmpeg4v2", "flv"))


class VideoEncoder:
    """One encoded video stream of a container.

    Args:
        container: gets the stream; its header must not have been written.
        info: the video that is encoded.
        settings: how.
        timeline: that of all streams of the container.
        width_factor: how many times wider than the source's the frames are.
        extra_flags: for the encoder, where the container does not set them itself.

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
        extra_flags: Flags | None = None,
    ) -> None:
        settings, self.warnings = usable(settings, info)
        codec = choose_codec(settings, container.format.name, info)
        rate = info.average_rate or USUAL_RATE
        try:
            stream: VideoStream = container.add_stream(codec.name, rate=rate)  # type: ignore[assignment]
        except ValueError as error:
            raise OutputError(f"A {container.format.name} file cannot hold {codec.name} video.") from error
        constant_rate = container.format.name == "avi" or codec.name in _CONSTANT_RATE_CODECS
        self.time_base = 1 / rate if constant_rate else info.time_base
        self.pixel_format = _pixel_format(codec, info, width_factor)
        self.warnings += _losses(codec, info, self.pixel_format)
        if info.interlaced and codec.name in KNOWS_NO_FIELDS:
            self.warnings.append(
                f"The video is interlaced, which the encoder {codec.name} cannot say: what moves will show"
                " with the edges of a comb."
            )
        if loses_hdr(codec.name, info):
            self.warnings.append(f"The HDR mastering data are lost: the encoder {codec.name} cannot be told.")
        self.repaired_timestamps = 0
        self._stream = stream
        self._reformatter = VideoReformatter()
        self._width, self._height = info.width * width_factor, info.height
        self._sizes: set[tuple[int, int]] = {(self._width, self._height)}
        self._usual_duration = max(1, round(1 / (rate * self.time_base)))
        self._last_pts: int | None = None
        self._timeline = timeline
        if extra_flags is not None:
            stream.codec_context.flags |= extra_flags
        self._configure(container.format.name, info, settings)

    def _configure(self, format_name: str, info: SourceInfo, settings: EncoderSettings) -> None:
        context = self._stream.codec_context
        context.width, context.height = self._width, self._height
        context.pix_fmt = self.pixel_format
        context.time_base = self._stream.time_base = self.time_base
        if format_name == "avi":
            context.max_b_frames = 0  # it stores no order of presentation
        set_apple_tag(self._stream, format_name)
        tell_encoder(context, info, settings)
        open_encoder(context)

    @property
    def stream(self) -> VideoStream:
        """The stream, as the container knows it."""
        return self._stream

    @property
    def last_pts(self) -> int | None:
        """Where the last frame was put, in ticks of ``time_base``."""
        return self._last_pts

    def encode(self, frame: Frame, *, keyframe: bool = False) -> list[Packet[VideoStream]]:
        """Packets that are ready once ``frame`` is there; often none.

        Args:
            frame: the next one.
            keyframe: make it one from which a player can start.
        """
        picture = self._fitting(frame.picture)
        # An encoder would take the source's choice of I, P and B frames for an order.
        picture.pict_type = PictureType.I if keyframe else PictureType.NONE
        picture.pts = self._pts(frame)
        picture.time_base = self.time_base
        picture.duration = self._ticks(frame.duration * frame.time_base) or self._usual_duration
        return self._stream.encode(picture)

    def flush(self) -> list[Packet[VideoStream]]:
        """The packets that the encoder still holds at the end."""
        return self._stream.encode(None)

    def _pts(self, frame: Frame) -> int:
        offset = self._timeline.place(self._stream.index, frame.pts * frame.time_base)
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
        size = (picture.width, picture.height)
        if size == (self._width, self._height) and picture.format.name == self.pixel_format:
            return picture
        if size not in self._sizes:
            self._sizes.add(size)
            self.warnings.append(
                f"The picture's size changes to {size[0]}x{size[1]} on the way: such frames are written into"
                f" the {self._width}x{self._height} of the first ones."
            )
        scale = min(self._width / size[0], self._height / size[1])
        width, height = (max(2, 2 * round(side * scale / 2)) for side in size)
        if abs(width - self._width) < 2 and abs(height - self._height) < 2:
            width, height = self._width, self._height
        full = picture.color_range == FULL_RANGE or picture.format.name.startswith("yuvj")
        levels = FULL_RANGE if full else LIMITED_RANGE
        fitted = self._reformatter.reformat(
            picture,
            width,
            height,
            self.pixel_format,
            src_color_range=levels,
            dst_color_range=levels,
            threads=1,  # more would stay as long as this does, for a few pictures
        )
        return (
            letterboxed(fitted, self._width, self._height)
            if (width, height) != (self._width, self._height)
            else fitted
        )


def tell_encoder(context: VideoCodecContext, info: SourceInfo, settings: EncoderSettings) -> None:
    """Tell an encoder, before it is opened, how a video is to be encoded and what it says of itself.

    Raises:
        OutputError: the settings name a quality or a preset, and the encoder has none.
    """
    context.thread_count = settings.threads
    context.flags |= Flags.frame_duration
    if info.sample_aspect:
        context.sample_aspect_ratio = info.sample_aspect
    if info.interlaced and context.name not in KNOWS_NO_FIELDS:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.field_order = info.field_order
    _tag_colours(context, info)
    set_options(context, settings, info)


def open_encoder(context: VideoCodecContext) -> None:
    """Open an encoder that has been told everything.

    Raises:
        OutputError: it refuses.
    """
    try:
        with fairly_scheduled():
            context.open()
    except (av.FFmpegError, ValueError) as error:
        raise OutputError(
            f"The encoder {context.name} does not take {context.width}x{context.height} {context.pix_fmt}"
            f" with these settings: {reason(error)}."
        ) from error


def set_apple_tag(stream: VideoStream, format_name: str) -> None:
    """Call HEVC in an MP4 and its like by the one name that Apple's players know."""
    context = stream.codec_context
    if context.codec.canonical_name == "hevc" and format_name in ("mp4", "mov", "ipod"):
        context.codec_tag = "hvc1"


def _pixel_format(codec: av.Codec, info: SourceInfo, width_factor: int) -> str:
    odd = (bool(info.width * width_factor % 2), bool(info.height % 2))
    # H.264 and HEVC crop in steps of a chroma sample: where that is two pixels, an odd size cannot be said.
    cannot_be_odd = codec.canonical_name in ("h264", "hevc") and any(odd)
    offered = [each.name for each in codec.video_formats or ()] or [info.pixel_format]
    found = nearest_format(_wanted_format(info), offered, odd if cannot_be_odd else (False, False))
    if found is None:
        raise OutputError(
            f"The encoder {codec.name} takes no pixel format that holds {info.width}x{info.height}"
            f" {info.pixel_format} video."
        )
    return found


def _losses(codec: av.Codec, info: SourceInfo, written: str) -> list[str]:
    """What a user should know of the pixel format that had to be chosen."""
    wanted = _wanted_format(info)
    source, target = plane_layout(wanted), plane_layout(written)
    if source is None or target is None:
        return []
    lost = source.shifts != target.shifts or significant_bits(written) < significant_bits(wanted)
    hardly_shown = target.subsampling != "420" and codec.canonical_name in _OFTEN_420
    from_rgb = av.VideoFormat(info.decoded_format).is_rgb and hardly_shown
    if lost:
        sentence = (
            f"The encoder {codec.name} does not take {wanted} of this size; the video is written as {written}"
        )
    elif from_rgb:
        sentence = f"The video is {info.decoded_format}, and is written as {written}"
    else:
        return []
    return [f"{sentence}, which not every player shows." if target.subsampling != "420" else f"{sentence}."]


def _wanted_format(info: SourceInfo) -> str:
    """What would be best to write: of a palette's few colours, as in GIF, what every player shows."""
    few = info.codec == "gif" or av.VideoFormat(info.decoded_format).has_palette
    return "yuv420p" if few else info.pixel_format


def _tag_colours(context: VideoCodecContext, info: SourceInfo) -> None:
    context.color_primaries = info.colours.primaries
    context.color_trc = info.colours.transfer
    context.colorspace = info.colours.matrix
    full = info.colours.range == FULL_RANGE or info.pixel_format.startswith("yuvj")
    context.color_range = FULL_RANGE if full else info.colours.range
