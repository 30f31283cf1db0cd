"""Files here and elsewhere; elsewhere is fsspec's file system in memory, and a web server."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stream_unmask.errors import InputError, UnmaskError
from stream_unmask.fleet import storage
from tests.fleet.half import break_off

pytest.importorskip("fsspec")


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "x.mp4").write_bytes(b"video")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def bucket() -> str:
    return f"memory://{uuid.uuid4().hex}"


def test_what_is_put_elsewhere_is_found_there_and_comes_back(bucket: str) -> None:
    place = storage.join(bucket, "deep/a.mp4")
    with storage.delivered(place) as path:
        path.write_bytes(b"video")
        assert storage.names_below(bucket) == set()
    assert storage.names_below(bucket) == {"deep/a.mp4"}
    assert [(found.place.rpartition("/")[2], found.size) for found in storage.find(bucket)] == [("a.mp4", 5)]
    with storage.fetched(place) as path:
        assert path.suffix == ".mp4"
        assert path.read_bytes() == b"video"
    assert not path.exists()


def test_what_fails_on_the_way_is_not_delivered(bucket: str) -> None:
    break_off(storage.join(bucket, "a.mp4"))
    assert storage.names_below(bucket) == set()


def test_what_is_wrong_with_a_file_elsewhere_is_said_of_its_own_name(bucket: str) -> None:
    place = storage.join(bucket, "broken.mp4")
    storage.write(place, b"no video")
    with pytest.raises(InputError) as error, storage.fetched(place) as path:
        raise InputError(f"{path} is not a video that can be read.", path=path)
    assert str(error.value) == f"{place} is not a video that can be read."
    with pytest.raises(InputError, match=r"none.mp4 cannot be read: it is not there\.$"):
        storage.find(storage.join(bucket, "none.mp4"))


def test_a_local_file_is_used_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    with storage.fetched(str(path)) as found:
        assert found == path
    storage.write(str(tmp_path / "deep/b.json"), b"{}")
    assert storage.names_below(str(tmp_path)) == {"a.mp4", "deep/b.json"}
    assert storage.read(str(tmp_path / "deep/b.json")) == b"{}"


def test_a_file_is_fetched_from_a_web_server(site: str) -> None:
    place = f"{site}/x.mp4?token=secret"
    assert [found.place for found in storage.find(place)] == [place]
    with storage.fetched(place) as path:
        assert path.name == "x.mp4"
        assert path.read_bytes() == b"video"
    with pytest.raises(InputError, match=r"\*\*\*") as error, storage.fetched(f"{site}/no.mp4?token=secret"):
        pass
    assert "secret" not in str(error.value)


def test_a_scheme_that_nobody_knows_is_said() -> None:
    with pytest.raises(UnmaskError, match="nowhere:// cannot be read or written here"):
        storage.find("nowhere://a/b.mp4")
