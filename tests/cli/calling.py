"""Calling the command as a shell does, in this process."""

from __future__ import annotations

import sys

import pytest

from stream_unmask.cli.ledger import Ledger
from stream_unmask.cli.main import run


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command; its exit code."""
    monkeypatch.setattr(sys, "argv", ["stream-unmask", *map(str, arguments)])
    try:
        run(Ledger())
    except SystemExit as end:
        return int(end.code or 0)
    return 0
