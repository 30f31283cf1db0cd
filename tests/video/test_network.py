"""Videos that come over the network."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_unmask.errors import UnmaskError
from stream_unmask.video.frame import Frame
from stream_unmask.video.source import open_source
from tests.video.making import Recipe, make_video, read


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves the test's folder; gives its address."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://user:hush@127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_is_read_over_http(clip: Path, server: str) -> None:
    with open_source(f"{server}/clip.mp4") as source:
        frames = [item.pts for item in source if isinstance(item, Frame)]
        assert not source.info.live
        assert not source.info.real_time
        assert "hush" not in source.info.uri
    assert frames == read(clip).pts


def test_a_live_playlist_comes_in_bursts_and_can_wait(server: str, tmp_path: Path) -> None:
    make_video(tmp_path / "0.ts", Recipe(pts=range(0, 150 * 512, 512)))
    playlist = ["#EXTM3U", "#EXT-X-TARGETDURATION:6", "#EXT-X-MEDIA-SEQUENCE:0", "#EXTINF:6,", "0.ts", ""]
    (tmp_path / "live.m3u8").write_text("\n".join(playlist))
    with open_source(f"{server}/live.m3u8") as source:
        assert source.info.live
        assert not source.info.real_time


def test_what_a_server_refuses_is_said_without_the_password(server: str) -> None:
    with pytest.raises(UnmaskError, match="cannot be opened") as caught:
        open_source(f"{server}/none.mp4")
    assert "hush" not in str(caught.value)
