"""A small RTSP server that takes what is published; needs the system's Python with GStreamer's bindings.

python3 rtsp_sink.py PORT FILE

It writes the H.264 of rtsp://127.0.0.1:PORT/live to a transport stream, and prints "ready" when it listens.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main() -> None:
    """Serve until killed."""
    port, file = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    sink = f'filesink sync=false async=false location="{file}"'
    factory.set_launch(f"( rtph264depay name=depay0 ! h264parse ! mpegtsmux ! {sink} )")
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main()
