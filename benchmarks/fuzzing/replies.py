"""A camera that answers with what it is given, whatever it was asked."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

BETWEEN = b"\n--8<--\n"
"""What stands between two replies in a file of them."""

_PATIENCE = 2.0
"""Seconds for which the next question is waited for."""


class Replies:
    """Listens on this machine, gives each question the next reply, and hangs up after the last one."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]

    def answer(self, replies: bytes) -> None:
        """Serve the next one who calls, in a thread of its own."""
        threading.Thread(target=self._serve, args=(replies.split(BETWEEN),), daemon=True).start()

    def _serve(self, replies: list[bytes]) -> None:
        self._listening.settimeout(_PATIENCE)
        with suppress(OSError):
            caller, _ = self._listening.accept()
            with caller:
                caller.settimeout(_PATIENCE)
                for reply in replies:
                    if not caller.recv(1 << 16):
                        return
                    caller.sendall(reply)
