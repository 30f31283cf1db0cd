"""Decodes a video with GStreamer, for tests; needs the system's Python with GStreamer's bindings.

python3 gst_decode.py "PIPELINE" RAW

The pipeline reads the video and decodes it; its pictures' I420 samples are written to RAW, one after another.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def main() -> None:
    """Decode to the end, or exit with what went wrong."""
    reading, raw = sys.argv[1:]
    Gst.init(None)
    pipeline = Gst.parse_launch(
        f'{reading} ! videoconvert ! video/x-raw,format=I420 ! filesink location="{raw}"'
    )
    pipeline.set_state(Gst.State.PLAYING)
    kinds = Gst.MessageType.ERROR | Gst.MessageType.EOS
    message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, kinds)
    pipeline.set_state(Gst.State.NULL)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit("silence" if message is None else str(message.parse_error()))


main()
