"""``stream-unmask doctor``: what this machine has, and what will run on it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import av
import click
from rich.console import Console
from rich.table import Table

from engines.contract import NETWORKS, has_weights, read_weights
from engines.probe import cpu_cores, cpu_name, memory_gib, nvidia_gpus
from stream_unmask.bundled import BUNDLED_SETS
from stream_unmask.faces import weights as face_networks
from stream_unmask.networks import Networks
from stream_unmask.settings import Settings
from stream_unmask.version import program_version

_PACKAGES = ("av", "numpy", "numba", "opencv-python-headless", "openvino", "onnxruntime")
_OPTIONAL = ("torch", "tensorrt", "tensorrt-rtx", "cuda-bindings", "torch-tensorrt")


@click.command()
def doctor() -> None:
    """Show what this machine has, which engine would run, and why not a faster one."""
    table = Table.grid(padding=(0, 2))
    table.add_row("stream-unmask", f"{program_version()}, Python {platform.python_version()}")
    table.add_row("System", platform.platform())
    table.add_row("CPU", f"{cpu_name()}, {cpu_cores()} cores, {memory_gib():.0f} GiB memory")
    table.add_row("NVIDIA GPU", ", ".join(nvidia_gpus()) or "none found")
    table.add_row("Packages", ", ".join(f"{name} {_installed(name)}" for name in _PACKAGES))
    table.add_row("Optional", ", ".join(f"{name} {_installed(name)}" for name in _OPTIONAL))
    table.add_row("FFmpeg", f"libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}")
    for name, bundled in BUNDLED_SETS.items():
        held = [each for each in NETWORKS if has_weights(bundled.folder, each, "fp32")]
        table.add_row(f"Weights: {name}", bundled.licence if held else "missing")
        for network in held:
            weights = read_weights(bundled.folder, network)
            table.add_row(f"  {network.name}", f"{weights.size} px, {weights.run}")
    for kind, path in (("Detector", face_networks.centerface()), ("Mesh", face_networks.face_landmark())):
        table.add_row(kind, f"{path.name}, {path.stat().st_size / 2**20:.1f} MiB")
    networks = Networks.load(Settings())
    for reason in networks.selection.passed_over:
        table.add_row("Not used", reason)
    for hint in networks.selection.hints:
        table.add_row("Faster", f"run {hint}")
    table.add_row("Engine", networks.engine)
    Console(soft_wrap=True, highlight=False).print(table)


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
