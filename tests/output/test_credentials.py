"""Content credentials, as the standard's own library reads them back."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

c2pa = pytest.importorskip("c2pa", reason="the extra c2pa is not installed")

from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402

from stream_unmask import OutputOptions, Unmasker, UnmaskError  # noqa: E402
from stream_unmask.given import photos_named  # noqa: E402
from stream_unmask.marks.code import ALGORITHM  # noqa: E402
from stream_unmask.output import credentials  # noqa: E402
from stream_unmask.output.credentials import CERTIFICATE, KEY, Credential  # noqa: E402
from stream_unmask.output.pictures import write_image  # noqa: E402
from stream_unmask.settings import Settings  # noqa: E402
from tests.inpainting.faces import face  # noqa: E402
from tests.video.making import Recipe, make_video, pass_through  # noqa: E402

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def certificate(subject: str, key: Key, issuer: str, issuer_key: Key, *, authority: bool) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    one, other = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        for name in (subject, issuer)
    )
    usage = x509.KeyUsage(not authority, *[False] * 4, authority, authority, False, False)  # type: ignore[call-arg]
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        x509.CertificateBuilder(other, one, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=9))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(signer, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    signed = builder.sign(issuer_key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def write_identity(folder: Path, key: Key) -> Path:
    """A key, and its certificate signed by an authority made for it."""
    authority = ec.generate_private_key(ec.SECP256R1())
    chain = certificate("signer", key, "authority", authority, authority=False)
    chain += certificate("authority", authority, "authority", authority, authority=True)
    (folder / CERTIFICATE).write_bytes(chain)
    (folder / KEY).write_bytes(pem(key))
    return folder


def pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_identity(tmp_path_factory.mktemp("identity"), ec.generate_private_key(ec.SECP256R1()))


def read(path: Path) -> tuple[dict[str, Any], str]:
    """The credential, and whether it holds."""
    with c2pa.Reader(path) as reader:
        return reader.get_active_manifest(), reader.get_validation_state()


def actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    (found,) = [each for each in manifest["assertions"] if each["label"].startswith("c2pa.actions")]
    return list(found["data"]["actions"])


def test_a_video_says_that_it_is_synthetic_and_what_it_was_made_from(
    unmasker: Unmasker, masked_clip: Path, identity: Path, tmp_path: Path
) -> None:
    unmasker.video(masked_clip, tmp_path / "out.mp4", OutputOptions(credential=identity))
    manifest, state = read(tmp_path / "out.mp4")
    assert state == "Valid"
    assert manifest["title"] == "out.mp4"
    opened, edited = actions(manifest)
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert edited["digitalSourceType"] == SYNTHETIC
    assert edited["softwareAgent"]["name"] == "stream-unmask"
    assert "synthetic" in edited["description"]
    (binding,) = [each for each in manifest["assertions"] if each["label"] == "c2pa.soft-binding"]
    assert binding["data"]["alg"] == ALGORITHM
    (parent,) = manifest["ingredients"]
    assert (parent["title"], parent["relationship"]) == ("masked.mp4", "parentOf")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_what_is_changed_later_is_noticed(identity: Path, tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", Recipe())
    Credential(identity).sign(clip, "clip.mp4", "rtsp://camera", "synthetic")
    data = bytearray(clip.read_bytes())
    data[data.rindex(b"mdat") + 100] ^= 1
    clip.write_bytes(data)
    assert read(clip)[1] == "Invalid"


def test_a_recording_was_made_and_a_parents_credential_is_kept(identity: Path, tmp_path: Path) -> None:
    credential = Credential(identity)
    recording = make_video(tmp_path / "recording.mp4", Recipe())
    credential.sign(recording, "recording.mp4", "rtsp://camera", "once")
    manifest, state = read(recording)
    assert state == "Valid"
    assert [action["action"] for action in actions(manifest)] == ["c2pa.created", "c2pa.edited"]
    again = make_video(tmp_path / "again.mp4", Recipe())
    credential.sign(again, "again.mp4", recording, "twice")
    with c2pa.Reader(again) as reader:
        parent = reader.get_manifest(reader.get_active_manifest()["ingredients"][0]["active_manifest"])
    assert actions(parent)[1]["description"] == "once"


def test_photos_whose_faces_were_laid_in_are_named(identity: Path, tmp_path: Path) -> None:
    picture = ((face().transpose(1, 2, 0) + 1) * 127).astype("uint8")
    photos = [write_image(tmp_path / name, picture) for name in ("mine.jpg", "yours.bmp")]
    clip, source = (make_video(tmp_path / name, Recipe()) for name in ("clip.mp4", "source.mp4"))
    Credential(identity).sign(clip, "clip.mp4", source, "synthetic", photos=photos)
    manifest, state = read(clip)
    assert state == "Valid"
    named = [(each["title"], each["relationship"]) for each in manifest["ingredients"]]
    assert named == [("source.mp4", "parentOf"), ("mine.jpg", "componentOf"), ("yours.bmp", "componentOf")]
    # Their pixels stay out of the file.
    assert not any("thumbnail" in each for each in manifest["ingredients"])


def test_only_photos_in_files_are_named() -> None:
    given = {0: "mine.jpg", 2: "frame:8", 3: "./mine.jpg", 4: "yours.png"}
    assert photos_named(Settings(reference=given)) == [Path("mine.jpg"), Path("yours.png")]
    assert photos_named(Settings()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_pictures_are_signed(suffix: str, unmasker: Unmasker, identity: Path, tmp_path: Path) -> None:
    photo = write_image(tmp_path / "photo.png", ((face().transpose(1, 2, 0) + 1) * 127).astype("uint8"))
    unmasker.image(photo, tmp_path / f"out{suffix}", OutputOptions(credential=identity))
    manifest, state = read(tmp_path / f"out{suffix}")
    assert state == "Valid"
    assert manifest["ingredients"][0]["title"] == "photo.png"


def test_an_rsa_key_signs_too(tmp_path: Path) -> None:
    write_identity(tmp_path, rsa.generate_private_key(65537, 2048))
    clip = make_video(tmp_path / "clip.mov", Recipe())
    Credential(tmp_path).sign(clip, "clip.mov", "webcam:0", "synthetic")
    assert read(clip)[1] == "Valid"


def test_without_the_library_it_says_how_to_get_it(identity: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "find_spec", lambda name: None)
    with pytest.raises(UnmaskError, match=r"pip install 'stream-unmask\[c2pa\]'"):
        Credential(identity)


def test_what_cannot_sign_is_refused_before_the_work(
    unmasker: Unmasker, masked_clip: Path, identity: Path, tmp_path: Path
) -> None:
    other, none, folder = tmp_path / "other", tmp_path / "none", tmp_path / "out"
    for each in (other, none, folder):
        each.mkdir()
    (other / CERTIFICATE).write_bytes((identity / CERTIFICATE).read_bytes())
    (other / KEY).write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    cases = [
        (other, "out.mp4", "cannot sign"),
        (none, "out.mp4", "no such file"),
        (identity, "out.mkv", "name it"),
    ]
    for credential, name, said in cases:
        with pytest.raises(UnmaskError, match=said):
            unmasker.video(masked_clip, folder / name, OutputOptions(credential=credential))
        assert not list(folder.iterdir())


def test_a_video_that_could_not_be_signed_is_not_lost(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise UnmaskError("The output cannot be signed: no space left.")

    clip = make_video(tmp_path / "clip.mp4", replace(Recipe(), sounds=("eng",)))
    with pytest.raises(UnmaskError, match=r"left\. The unsigned video is in .*out\.interrupted\.mp4"):
        pass_through(clip, tmp_path / "out.mp4", seal=fail)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.interrupted.mp4"]
