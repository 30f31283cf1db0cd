"""Names of recordings, their boundaries, and which of them go."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from stream_unmask.output.live.naming import Names, default_name, is_pattern, next_boundary, unused
from stream_unmask.output.live.retention import Retention

NOON = time.mktime((2026, 3, 1, 12, 0, 0, 0, 0, -1))


def test_a_name_may_hold_the_time() -> None:
    assert Names(Path("/r/%Y-%m-%d/cam-%H%M%S.mp4")).target(NOON) == Path("/r/2026-03-01/cam-120000.mp4")
    assert Names(Path("/r/cam.mp4")).target(NOON) == Path("/r/cam.mp4")
    assert not is_pattern(Path("100%.mp4"))
    assert not is_pattern(Path("100%%.mp4"))


def test_segments_without_the_time_in_their_name_get_it() -> None:
    names = Names(Path("/r/100%.mp4"), 600)
    assert names.many
    assert names.target(NOON) == Path("/r/100%-20260301-120000.mp4")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("rtsp://joe:p/w@cam.local:554/stream", "cam.local-554"),
        ("rtsp://[fe80::1]/x", "fe80-1"),
        ("webcam:0", "0"),
        ("/dev/video2", "dev-video2"),
        ("-", "camera"),
    ],
)
def test_a_camera_without_a_name_gets_its_hosts(address: str, host: str) -> None:
    assert default_name(address, "unmasked") == f"{host}-%Y%m%d-%H%M%S.unmasked.mp4"


@pytest.mark.parametrize(("segment", "minutes"), [(600, 10), (3600, 60), (86_400, 720)])
def test_segments_end_by_the_clock(segment: float, minutes: int) -> None:
    assert next_boundary(NOON, segment) == NOON + 60 * minutes
    assert next_boundary(NOON - 1, segment) == (NOON if segment < 86_400 else NOON + 60 * minutes)


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    for name in ("cam.mp4", "cam-2.mp4"):
        (tmp_path / name).touch()
    assert unused(tmp_path / "cam.mp4") == tmp_path / "cam-3.mp4"


def recordings(folder: Path, *names: str) -> list[Path]:
    """Recordings of 100 bytes, each an hour older than the next."""
    paths = [folder / name for name in names]
    for age, path in enumerate(reversed(paths)):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(100))
        os.utime(path, (time.time() - 3600 * age - 60,) * 2)
    return paths


def test_only_what_bears_such_names_is_ours(tmp_path: Path) -> None:
    ours = recordings(
        tmp_path, "2026-03-01/cam-1.mp4", "2026-03-01/cam-2.interrupted.mp4", "2026-03-02/cam-2-3.mp4"
    )
    recordings(
        tmp_path, "2026-03-02/other.mp4", "2026-03-02/cam-1.mkv", "cam-1.mp4", "2026-03-02/.cam-1.part.mp4"
    )
    assert Names(tmp_path / "%d" / "cam-%H.mp4").ours() == ours


def test_what_is_too_old_goes_and_so_does_its_empty_folder(tmp_path: Path) -> None:
    paths = recordings(tmp_path, "01/cam-1.mp4", "02/cam-1.mp4", "02/cam-2.mp4")
    names = Names(tmp_path / "%d" / "cam-%H.mp4")
    assert Retention(seconds=5400).apply(names) == paths[:1]
    assert not (tmp_path / "01").exists()
    assert Retention().apply(names) == []
    assert [path.exists() for path in paths] == [False, True, True]


def test_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = recordings(tmp_path, *(f"cam-{number}.mp4" for number in range(5)))

    class Disk:
        @property
        def free(self) -> int:
            return 1000 - sum(100 for path in paths if path.exists())

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Disk())
    assert Retention(free=700).apply(Names(tmp_path / "cam-%H.mp4")) == paths[:2]


def test_a_day_of_segments_and_a_week_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, now = Names(tmp_path / "cam.mp4", 3600), NOON
    kept = Retention(seconds=86_400)
    for _ in range(72):
        path = unused(names.target(now))
        path.write_bytes(b"x")
        now = next_boundary(now, 3600)
        os.utime(path, (now, now))
        monkeypatch.setattr(time, "time", lambda now=now: now)
        kept.apply(names)
    assert len(names.ours()) == 25
