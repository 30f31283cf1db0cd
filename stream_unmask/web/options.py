"""What whoever serves the page can decide."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

_LEAST_TOKEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What strangers may bring.

    Attributes:
        upload_bytes: of one file.
        upload_seconds: that a video may last.
        uploads: files that are kept at the same time, waiting ones and done ones.
        each: of these, for one visitor.
        keep: seconds after which a finished job and its files are deleted.
        work_seconds: that one file may be worked on.
        webcams: browsers whose webcams are unmasked at the same time.
        viewers: connections that watch at the same time.
        body_seconds: that a body may bring nothing.
        head_seconds: in which a connection must say what it wants.
        connections: that are open at the same time.
    """

    upload_bytes: int = 512 << 20
    upload_seconds: float = 600.0
    uploads: int = 32
    each: int = 8
    keep: float = 3600.0
    work_seconds: float = 3600.0
    webcams: int = 2
    viewers: int = 64
    body_seconds: float = 30.0
    head_seconds: float = 10.0
    connections: int = 256

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Where and how the page is served.

    Attributes:
        host: address that is listened at.
        port: 0 for any that is free.
        token: what visitors must know; None for nothing, which only a loopback address allows.
        names: names of this machine that browsers may ask for, beside its addresses and ``localhost``.
        certificate: file with the TLS certificate and its chain; None for plain HTTP.
        key: file with the certificate's key; None where it is in the same file.
        shows_token: the token is printed at the start.
        recordings: folder for what is recorded from the page.
        limits: what visitors may bring.

    Raises:
        ValueError: the host is open to others and there is no token, or the token is short.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    names: frozenset[str] = frozenset()
    certificate: Path | None = None
    key: Path | None = None
    shows_token: bool = False
    recordings: Path = Path("recordings")
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.token is None and self.is_open:
            raise ValueError("a token is needed where others than this machine are served")
        if self.token is not None and len(self.token) < _LEAST_TOKEN:
            raise ValueError(f"the token must have {_LEAST_TOKEN} characters or more")

    @property
    def is_open(self) -> bool:
        """Others than this machine may come: from other machines, or by another name through a proxy."""
        return not is_loopback(self.host) or bool(self.names)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that is listened at."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
