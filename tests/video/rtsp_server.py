"""A small RTSP camera for tests; needs the system's Python with GStreamer's bindings.

python3 rtsp_server.py VIDEO PORT [USER PASSWORD]

It plays an H.264 video once to each client at rtsp://127.0.0.1:PORT/cam and prints "ready" when it listens.
Where VIDEO is a size, such as 320x240, it shows a test picture of that size with a tone, without an end, and
as a camera does: not from its start but from now on.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

RATE = 25


def protect(
    server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, login: list[str]
) -> None:
    """Let only who knows the user's name and password in."""
    role = "viewer"
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, role)
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*login), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(role, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role(role, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    factory.set_permissions(permissions)


def pipeline(video: str) -> str:
    """What each client gets."""
    if not video[0].isdigit():
        return f'filesrc location="{video}" ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96'
    width, height = video.split("x")
    picture = f"video/x-raw,format=I420,width={width},height={height},framerate={RATE}/1"
    tone = "audiotestsrc is-live=true ! opusenc ! rtpopuspay name=pay1"
    return f"videotestsrc is-live=true pattern=ball ! {picture} ! jpegenc ! rtpjpegpay name=pay0 pt=26 {tone}"


def main() -> None:
    """Serve until killed."""
    video, port, *login = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {pipeline(video)} )")
    if login:
        protect(server, factory, login)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main()
