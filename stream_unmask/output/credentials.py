"""Content credentials: who signs for an output says in it, tamper-evidently, that it is synthetic in parts.

The standard is C2PA 2 (https://spec.c2pa.org); the work is done by its reference library, ``c2pa-python``.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import cv2
import numpy as np

from stream_unmask.errors import InputError, MissingExtraError, OutputError
from stream_unmask.marks.code import ALGORITHM, Message
from stream_unmask.version import program_version
from stream_unmask.video.files import reason

if TYPE_CHECKING:
    from c2pa import Builder, Signer

CERTIFICATE, KEY = "certificate.pem", "key.pem"

_FORMATS = {
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
"""What a credential can be put into."""

_ANY_KIND = "application/octet-stream"
"""Of a photo that can hold no credential of its own."""

_SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}

# What an input's own credential refers to on the network stays there, and no picture of what went in is kept.
_SETTINGS = {"verify": {"remote_manifest_fetch": False}, "builder": {"thumbnail": {"enabled": False}}}


class Credential:
    """Signs outputs in the name of whom a certificate belongs to."""

    def __init__(self, folder: Path) -> None:
        """Load the key, and try it.

        Args:
            folder: holds ``certificate.pem``, a chain that begins with the signer's own, and ``key.pem``, its
                private key without a passphrase (ECDSA, Ed25519 or RSA).

        Raises:
            UnmaskError: ``c2pa-python`` is not installed, or key and certificate cannot sign.
        """
        if find_spec("c2pa") is None:
            raise MissingExtraError("Content credentials need c2pa-python", "c2pa")
        from c2pa import C2paError

        self._folder = folder
        try:
            self._signer = _signer((folder / CERTIFICATE).read_bytes(), (folder / KEY).read_bytes())
            blank = io.BytesIO(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())
            _builder("blank.png", "", None, None).sign(self._signer, "image/png", blank, io.BytesIO())
        except (C2paError, OSError, ValueError, TypeError) as error:
            raise InputError(
                f"The {CERTIFICATE} and {KEY} in {folder} cannot sign: {reason(error)}.", path=folder
            ) from error

    @staticmethod
    def check(output: Path) -> None:
        """Refuse an output that cannot hold a credential.

        Raises:
            OutputError: it is of such a kind.
        """
        if output.suffix.lower() not in _FORMATS:
            raise OutputError(
                f"A content credential cannot be put into {output.name}; name it .mp4, .mov, .jpg, .png, "
                ".webp or .tif.",
                path=output,
            )

    def sign(
        self,
        path: Path,
        title: str,
        source: str | Path,
        label: str,
        mark: Message | None = None,
        photos: Sequence[Path] = (),
    ) -> None:
        """Put a credential into a file, which is whole at any time.

        Args:
            path: the file.
            title: what it will be called.
            source: what it was made from: its parent, if that is a file that can hold credentials too.
            label: what was done.
            mark: what the mark in the pixels says; None where there is none.
            photos: of people, whose faces were laid into it: components of it.

        Raises:
            OutputError: it cannot be signed; it is as it was then.
        """
        from c2pa import C2paError

        try:
            builder = _builder(title, label, Path(source), mark)
            for photo in photos:
                _add_component(builder, photo)
            with path.open("rb+") as file, tempfile.TemporaryFile(dir=path.parent) as signed:
                builder.sign(self._signer, _FORMATS[path.suffix.lower()], file, signed)
                _copy_over(signed, file)
        except (C2paError, OSError) as error:
            raise OutputError(f"The output cannot be signed: {reason(error)}.", path=path) from error


def media_type(path: Path) -> str | None:
    """The kind of a file that can hold a credential, None for others."""
    return _FORMATS.get(path.suffix.lower())


def _copy_over(source: IO[bytes], target: IO[bytes]) -> None:
    """Give an open file, which may be locked, the content of another; a full disk is noticed before."""
    size = source.seek(0, os.SEEK_END)
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(target.fileno(), 0, size)
    source.seek(0)
    target.seek(0)
    shutil.copyfileobj(source, target)
    target.truncate(size)
    target.flush()
    os.fsync(target.fileno())


def _signer(certificate: bytes, key: bytes) -> Signer:
    from c2pa import C2paSignerInfo, Signer

    return Signer.from_info(C2paSignerInfo(_algorithm(key).encode(), certificate, key, None))


def _algorithm(key: bytes) -> str:
    """What a private key signs with, by C2PA's names."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    loaded = load_pem_private_key(key, None)
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.curve.name in _CURVES:
        return _CURVES[loaded.curve.name]
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(loaded, rsa.RSAPrivateKey):
        return "ps256"
    raise ValueError("the key is neither ECDSA nor Ed25519 nor RSA")


def _builder(title: str, label: str, source: Path | None, mark: Message | None) -> Builder:
    """What a credential will say: that a file was edited; of a camera's recording, that it was made, too."""
    from c2pa import Builder, C2paBuilderIntent, C2paError, Context

    agent = {"name": "stream-unmask", "version": program_version()}
    edited: dict[str, Any] = {
        "action": "c2pa.edited",
        "softwareAgent": agent,
        "digitalSourceType": _SYNTHETIC,
        "description": label,
    }
    created = {**edited, "action": "c2pa.created"}

    def build(*actions: dict[str, Any]) -> Builder:
        manifest = {
            "claim_generator_info": [agent],
            "title": title,
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": list(actions)}},
                *([] if mark is None else [_soft_binding(mark)]),
            ],
        }
        return Builder(manifest, Context.from_dict(_SETTINGS))

    kind = _FORMATS.get(source.suffix.lower()) if source is not None and source.is_file() else None
    if source is not None and kind is not None:
        builder = build(edited)
        # It begins with c2pa.opened then, of the parent.
        builder.set_intent(C2paBuilderIntent.EDIT)
        try:
            with source.open("rb") as file:
                builder.add_ingredient({"title": source.name, "relationship": "parentOf"}, kind, file)
            return builder
        except C2paError:
            builder.close()  # a file that it cannot make sense of is no parent
    return build(created, edited)


def _add_component(builder: Builder, photo: Path) -> None:
    """Name a photo as a component."""
    about = {"title": photo.name, "relationship": "componentOf"}
    with photo.open("rb") as file:
        builder.add_ingredient(about, media_type(photo) or _ANY_KIND, file)


def _soft_binding(mark: Message) -> dict[str, Any]:
    """That there is a mark in the pixels, by which the file is known where the credential is lost."""
    return {
        "label": "c2pa.soft-binding",
        "data": {"alg": ALGORITHM, "blocks": [{"scope": {}, "value": str(mark)}]},
    }
