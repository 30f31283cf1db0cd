"""An object store: s3:// through s3fs, with moto's server in its place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytest.importorskip("moto.server")

import boto3
from moto.server import ThreadedMotoServer

from stream_unmask.errors import InputError
from stream_unmask.fleet import storage
from stream_unmask.fleet.planning import plan
from tests.fleet.half import break_off

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="films")
        yield "s3://films"
    server.stop()


def test_what_is_put_into_a_bucket_is_found_there_and_comes_back(bucket: str) -> None:
    for name in ("in/a.mp4", "in/deep/b.mp4", "in/c.txt"):
        with storage.delivered(storage.join(bucket, name)) as path:
            path.write_bytes(name.encode())
            assert name not in storage.names_below(bucket)
    assert storage.names_below(f"{bucket}/in") == {"a.mp4", "deep/b.mp4", "c.txt"}
    found = storage.find(f"{bucket}/in/*.mp4")
    assert [(each.place, each.size) for each in found] == [("s3://films/in/a.mp4", 8)]
    with storage.fetched(found[0].place) as path:
        assert path.read_bytes() == b"in/a.mp4"
    items = plan([f"{bucket}/in"], f"{bucket}/out")
    assert {item.output.startswith("s3://films/out/") for item in items} == {True}
    assert len(items) == 2


def test_a_bucket_that_is_not_there_is_a_sentence(bucket: str) -> None:
    with pytest.raises(InputError, match=r"s3://none/in") as caught:
        storage.find("s3://none/in/a.mp4")
    assert "hush" not in str(caught.value)


def test_what_fails_on_the_way_is_not_in_the_bucket(bucket: str) -> None:
    break_off(storage.join(bucket, "half.mp4"))
    assert "half.mp4" not in storage.names_below(bucket)
