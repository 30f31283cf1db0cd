"""A delivery that breaks off on its way."""

from __future__ import annotations

import pytest

from stream_unmask.fleet import storage


def break_off(place: str) -> None:
    """Begin to deliver a file to a place, and fail at half of it."""

    def half() -> None:
        with storage.delivered(place) as path:
            path.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
