"""Ports that stay free until a server that is begun later, or again, listens at them."""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _SHARE = 20_000, 1_000
"""Below those that systems hand out by themselves, to whoever calls somebody; each of pytest's workers has
some of its own."""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
_ports = itertools.cycle(
    _FIRST + _SHARE * _worker + (os.getpid() + place) % _SHARE for place in range(_SHARE)
)


def free_port() -> int:
    """A port of this machine that nobody listens at, another one each time."""
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError  # a cycle has no end
