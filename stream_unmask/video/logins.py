"""User names and passwords of cameras: where they are kept, and how they get into an address."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from stream_unmask.errors import UnmaskError
from stream_unmask.video.files import reason

USER, PASSWORD = "STREAM_UNMASK_USER", "STREAM_UNMASK_PASSWORD"
"""Environment variables with a camera's login."""

_PARTS = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[^\s/?#@:\[\]]+)(:\d*)?")


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a camera; as people type it, not encoded for an address."""

    user: str
    password: str = field(repr=False)


def read_login(path: Path) -> Login:
    """Read a file of two lines, user and password, or of one, ``user:password``.

    Raises:
        UnmaskError: it cannot be read, or holds no such thing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnmaskError(
            f"The credentials file {path} cannot be read: {reason(error)}.", path=path
        ) from error
    lines = [line for line in lines if line]
    if len(lines) == 1 and ":" in lines[0]:
        lines = lines[0].split(":", 1)
    if len(lines) != 2:
        raise UnmaskError(
            f"The credentials file {path} must hold two lines: the user and the password.", path=path
        )
    return Login(*lines)


def environment_login(environment: Mapping[str, str] = os.environ) -> Login | None:
    """The login that the environment holds, None where it holds no password."""
    password = environment.get(PASSWORD)
    return None if password is None else Login(environment.get(USER, ""), password)


def split_login(address: str) -> tuple[str, str | None, str | None]:
    """Take an address apart where its login is.

    A password that was typed as it is, with a slash, a space, ``#`` or ``?`` in it, is found as well, unless
    what stands before that sign could be a host and its port.

    Returns:
        The address without a login, the user and the password as they stand in the address; None for what
        it does not have.
    """
    match = _PARTS.fullmatch(address)
    if match is None or "@" not in match["rest"]:
        return address, None, None
    rest = match["rest"]
    first = re.search(r"[/?#\s]", rest)
    end = rest.rfind("@", 0, first.start() if first else len(rest))
    host = _HOST.match(rest[end + 1 :])
    whole = host is not None and rest[end + 1 + host.end() :][:1] in ("", "/", "?", "#")
    if not whole:
        end = rest.rfind("@")
    elif end < 0:
        return address, None, None
    user, colon, password = rest[:end].partition(":")
    return match["scheme"] + rest[end + 1 :], user, password if colon else None


def with_login(address: str, login: Login | None) -> str:
    """An address as FFmpeg takes it: with its own login, properly encoded, else with ``login``.

    An address that names a user but no password gets the password alone.
    """
    bare, user, password = split_login(address)
    if user is not None and password is not None:
        return _joined(bare, _encoded(user), _encoded(password))
    if login is None:
        return address
    return _joined(bare, user or quote(login.user, safe=""), quote(login.password, safe=""))


def _joined(bare: str, user: str, password: str) -> str:
    scheme, rest = bare.split("://", 1)
    return f"{scheme}://{user}:{password}@{rest}"


def _encoded(text: str) -> str:
    """As it stands, unless a sign in it would end the login; then none of it was encoded."""
    return quote(text, safe="") if re.search(r"[/?#\s]", text) else text
