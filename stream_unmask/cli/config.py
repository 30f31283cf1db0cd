"""The file of ``stream-unmask live``: cameras and their outputs in TOML."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from stream_unmask.cameras import CameraConfig
from stream_unmask.cli.amounts import DURATION, SIZE, picture_size
from stream_unmask.errors import InputError
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.live.options import LiveOptions
from stream_unmask.output.live.retention import Retention
from stream_unmask.output.writing import OutputOptions
from stream_unmask.settings import Settings
from stream_unmask.video.camera_options import CameraOptions
from stream_unmask.video.files import reason, redact
from stream_unmask.video.logins import Login, read_login, split_login

Where = tuple[str, ...]
"""The keys that lead to a value."""

_LONGEST = 400
"""Characters of a sentence that quotes the file."""

_FOR_EVER = float("inf")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


def _rate(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise ValueError("must be a number above 0")
    return float(value)


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of at least one text")
    return [_text(each) for each in value]


def _by(convert: Callable[[Any, None, None], float]) -> Callable[[object], float]:
    def converted(value: object) -> float:
        try:
            return convert(value, None, None)
        except click.BadParameter as error:
            raise ValueError(error.message.rstrip(".")) from error

    return converted


_SETTINGS: dict[str, Callable[[object], object]] = {
    "wear": _flag,
    "weights": _text,
    "backend": _text,
    "precision": _text,
    "device": _text,
    "threads": _number,
    "detect_every": _number,
    "min_face": _number,
    "blend": _text,
    "smooth": _flag,
    "mark": _flag,
}

_CAMERA: dict[str, Callable[[object], object]] = {
    "source": _text,
    "outputs": _texts,
    "credentials_file": _text,
    "stall": _by(DURATION.convert),
    "wait": _by(DURATION.convert),
    "transport": _text,
    "webcam_size": lambda value: picture_size(_text(value)),
    "webcam_rate": _rate,
    "webcam_format": _text,
    "segment": _by(DURATION.convert),
    "keep": _by(DURATION.convert),
    "keep_free": _by(SIZE.convert),
    "on_loss": _text,
    "codec": _text,
    "quality": _number,
    "preset": _text,
    "overwrite": _flag,
    "compare": _flag,
    "watermark": _flag,
}
_OF_EACH = frozenset(("source", "outputs"))
"""What has no default for all cameras."""


@dataclass(frozen=True, slots=True)
class Config:
    """All of the file.

    Attributes:
        settings: of the unmasking, for all cameras.
        cameras: by name.
    """

    settings: Settings
    cameras: dict[str, CameraConfig]


def read_config(path: Path, *, outputs_needed: bool = True) -> Config:
    """Read the file.

    Args:
        path: where it is.
        outputs_needed: a camera without outputs makes no sense.

    Raises:
        InputError: it cannot be read, or something in it makes no sense: with its line and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.", path=path) from error
    except ValueError as error:
        raise InputError(f"{path}: {error}.", path=path) from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply.", path=path) from error
    return _Reader(path, text, _OF_EACH if outputs_needed else _OF_EACH - {"outputs"}).config(tables)


class _Reader:
    """Turns tables into objects, and knows where they stand."""

    def __init__(self, path: Path, text: str, needed: frozenset[str]) -> None:
        self._path, self._lines, self._needed = path, text.splitlines(), needed

    def config(self, tables: Mapping[str, Any]) -> Config:
        self._known((), tables, ("settings", "defaults", "cameras"))
        values = self._values(("settings",), tables.get("settings", {}), _SETTINGS)
        try:
            settings = Settings(reconnect=_FOR_EVER, **values)
        except ValueError as error:
            self._refuse(("settings",), f"{error}")
        shared = {key: convert for key, convert in _CAMERA.items() if key not in _OF_EACH}
        defaults = self._values(("defaults",), tables.get("defaults", {}), shared)
        cameras = tables.get("cameras", {})
        if not isinstance(cameras, dict) or not cameras:
            self._refuse(("cameras",), "names no camera: it wants a table such as [cameras.door]")
        return Config(
            settings, {name: self._camera(name, table, defaults) for name, table in cameras.items()}
        )

    def _camera(self, name: str, table: object, defaults: Mapping[str, Any]) -> CameraConfig:
        where = ("cameras", name)
        own = self._values(where, table, _CAMERA)
        for key in sorted(self._needed - own.keys()):
            self._refuse(where, f"has no {key}")
        values: dict[str, Any] = {**defaults, **own}
        try:
            return CameraConfig(
                name,
                self._address((*where, "source"), values["source"]),
                tuple(self._address((*where, "outputs"), output) for output in values.get("outputs", ())),
                _camera_options(values),
                _output_options(values),
            )
        except ValueError as error:
            self._refuse(where, f"{error}")

    def _values(
        self, where: Where, table: object, schema: Mapping[str, Callable[[object], object]]
    ) -> dict[str, Any]:
        """The values of a table, each as its schema has it."""
        if not isinstance(table, dict):
            self._refuse(where, "must be a table")
        self._known(where, table, tuple(schema))
        found = {}
        for key, value in table.items():
            try:
                found[key] = schema[key](value)
            except ValueError as error:
                self._refuse((*where, key), f"{error}")
        return found

    def _known(self, where: Where, table: Mapping[str, object], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                meant = f"; did you mean {close[0]}?" if close else f": it may be {', '.join(known)}"
                self._refuse((*where, key), f"is not known{meant}")

    def _address(self, where: Where, text: str) -> str:
        """An address with variables of the environment put in; a password must be one."""
        _, _, password = split_login(text)
        if password is not None and not _VARIABLE.search(password):
            self._refuse(where, "holds a password: put it into a credentials_file, or a variable, ${NAME}")

        def value(match: re.Match[str]) -> str:
            found = os.environ.get(match[1])
            if found is None:
                self._refuse(where, f"wants the environment variable {match[1]}, which is not set")
            return found

        return _VARIABLE.sub(value, text)

    def _refuse(self, where: Where, why: str) -> NoReturn:
        what = f"{redact('.'.join(where))} {why.rstrip('.')}"
        if len(what) > _LONGEST:
            what = f"{what[:_LONGEST]} ..."
        raise InputError(f"{self._path}, line {self._line(where)}: {what}.", path=self._path)

    def _line(self, where: Where) -> int:
        """The line of a key, or of the table that should hold it; 1 where neither is found."""
        table: Where = ()
        best = 1
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
            if header is not None:
                table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
                if table == where[: len(table)]:
                    best = number
            key = re.match(r"\s*([\w.\"'-]+)\s*=", line)
            if key is not None:
                full = (*table, *(part.strip("\"'") for part in key[1].split(".")))
                if full == where[: len(full)]:
                    return number
        return best


def _camera_options(values: Mapping[str, Any]) -> CameraOptions:
    login: Login | None = None
    if "credentials_file" in values:
        login = read_login(Path(values["credentials_file"]))
    return CameraOptions(
        stall=values.get("stall", CameraOptions().stall),
        wait=values.get("wait", _FOR_EVER),
        transport=values.get("transport", "auto"),
        login=login,
        size=values.get("webcam_size"),
        rate=values.get("webcam_rate"),
        input_format=values.get("webcam_format"),
    )


def _output_options(values: Mapping[str, Any]) -> OutputOptions:
    keep_free = values.get("keep_free")
    retention = Retention(values.get("keep"), None if keep_free is None else int(keep_free))
    live = LiveOptions(
        segment=values.get("segment"), retention=retention, on_loss=values.get("on_loss", "hold")
    )
    encoder = EncoderSettings(values.get("codec"), values.get("quality"), values.get("preset"))
    flags = {key: values.get(key, False) for key in ("overwrite", "compare", "watermark")}
    return OutputOptions(encoder=encoder, live=live, **flags)
