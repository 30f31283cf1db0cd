"""What a file's metadata and its credential say of this program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
from PIL.ExifTags import Base

from stream_unmask.errors import UnmaskError
from stream_unmask.marks.code import ALGORITHM
from stream_unmask.output.credentials import media_type
from stream_unmask.verifying.findings import Credential
from stream_unmask.video.files import is_image
from stream_unmask.video.headers import BROKEN, opened
from stream_unmask.video.images import read_bytes

_PROGRAM = "stream-unmask"
_STATES = ("Trusted", "Valid")


def read_label(path: Path) -> str:
    """What the metadata of a video or picture say of this program; empty where that is nothing."""
    for text in _picture_texts(path) if is_image(path) else _video_texts(path):
        for line in text.splitlines():
            if _PROGRAM in line and "synthetic" in line:
                return line.strip()
    return ""


def read_credential(path: Path) -> tuple[Credential | None, tuple[str, ...]]:
    """The credential of a file, and a sentence where none can be looked for."""
    kind = media_type(path)
    if kind is None:
        return None, ()
    if find_spec("c2pa") is None:
        return None, ("Content credentials were not looked for: that needs c2pa-python.",)
    from c2pa import C2paError, Context, Reader

    try:
        context = Context.from_dict({"verify": {"remote_manifest_fetch": False}})
        with path.open("rb") as file:
            reader = Reader(kind, file, context=context)
            said = json.loads(reader.json())
            state = str(reader.get_validation_state())
    except (C2paError, OSError, ValueError):
        return None, ()  # there is none, or it is of no kind that the standard knows
    active = said.get("manifests", {}).get(said.get("active_manifest"), {})
    return _own(active, state), ()


def _own(manifest: dict[str, Any], state: str) -> Credential | None:
    """A manifest as a credential of this program's, None where it is another's."""
    names = [each.get("name") for each in manifest.get("claim_generator_info", [])]
    if _PROGRAM not in names:
        return None
    assertions = manifest.get("assertions", [])
    actions = [
        action
        for each in assertions
        if str(each.get("label", "")).startswith("c2pa.actions")
        for action in each.get("data", {}).get("actions", [])
    ]
    says = [action["description"] for action in actions if action.get("description")]
    bindings = [each for each in assertions if str(each.get("label", "")).startswith("c2pa.soft-binding")]
    signature = manifest.get("signature_info", {})
    return Credential(
        signer=str(signature.get("common_name") or signature.get("issuer") or ""),
        state=next((each for each in _STATES if each.lower() == state.lower()), "Invalid"),
        says=says[-1] if says else "",
        names_the_mark=any(each.get("data", {}).get("alg") == ALGORITHM for each in bindings),
    )


def _video_texts(path: Path) -> Iterator[str]:
    with suppress(UnmaskError, av.FFmpegError), av.open(path) as container:
        yield from container.metadata.values()
        for stream in container.streams:
            yield from stream.metadata.values()


def _picture_texts(path: Path) -> Iterator[str]:
    with suppress(*BROKEN), opened(read_bytes(path)) as image:
        found = image.getexif().get(Base.ImageDescription)
        if isinstance(found, str):
            yield found
