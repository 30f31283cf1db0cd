"""Reports of cameras that run for months."""

from __future__ import annotations

from types import SimpleNamespace

from stream_unmask.pipeline import Stream
from stream_unmask.report import EarlierFaces, FaceReport, Report


def test_old_faces_are_counted_and_let_go() -> None:
    reports = [FaceReport(number, 0.0, 1.0, masked_frames=number % 2) for number in range(1, 12)]
    stream = SimpleNamespace(faces=reports, earlier=EarlierFaces())
    Stream.forget_faces(stream, 11)  # type: ignore[arg-type]
    assert len(stream.faces) == 11
    Stream.forget_faces(stream, 10)  # type: ignore[arg-type]
    assert [report.number for report in stream.faces] == [6, 7, 8, 9, 10, 11]
    assert stream.earlier == EarlierFaces(5, 3)
    report = Report("cam", "out.mp4", "", (), faces=stream.faces, earlier=stream.earlier)
    assert report.masked_faces == 6
    assert "6 of 11 faces unmasked" in report.summary("unmasked")
