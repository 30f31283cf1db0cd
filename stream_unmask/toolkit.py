"""Everything that is loaded once and serves every video: the compiled networks."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import Selection, load_network, select_backend
from engines.contract import GENERATOR, SEGMENTER, WEARER, has_weights, read_weights
from engines.engine import DeviceEngine, Engine
from engines.openvino_cpu import OpenVINOEngine
from stream_unmask.errors import UnmaskError
from stream_unmask.faces import weights as face_networks
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.settings import Settings
from stream_unmask.unmasking.blending import Blender
from stream_unmask.unmasking.generating import Generator
from stream_unmask.unmasking.retouching import CpuRetoucher, Retoucher
from stream_unmask.unmasking.segmenting import Segmenter
from stream_unmask.unmasking.warming import warm_up
from stream_unmask.unmasking.wearing import Wearer, WearingRetoucher

if TYPE_CHECKING:
    from stream_unmask.gpu.networks import GpuNetworks

BUNDLED_WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class Toolkit:
    """The networks, ready to run. Belongs to one thread at a time.

    Attributes:
        detector: finds faces.
        mesh: fits the face mesh.
        segmenter: finds the mask on a face.
        generator: makes what the mask hides.
        size: side S of the crops in pixels.
        engine: what runs segmenter and generator, for people.
        selection: the backend and why no faster one.
        wearer: puts masks on, where that was asked for.
        gpu: segmenter and generator where the work on pixels is done on the GPU that runs them.
    """

    detector: CenterFace
    mesh: FaceMesh
    segmenter: Segmenter
    generator: Generator
    size: int
    engine: str
    selection: Selection
    wearer: Wearer | None = None
    gpu: GpuNetworks | None = None

    @classmethod
    def load(cls, settings: Settings) -> Toolkit:
        """Compile the networks for this machine.

        Args:
            settings: ``wear``, ``weights``, ``backend``, ``precision`` and ``threads`` count here.

        Raises:
            EngineError: the backend cannot run or not in this precision, or the weights do not fit the
                contract.
            UnmaskError: the face detector's files are missing, or the weights put no masks on.
        """
        networks = (SEGMENTER, GENERATOR)
        weights = settings.weights or BUNDLED_WEIGHTS
        files = [read_weights(weights, network).path for network in networks]
        wearer = _wearer(weights, settings) if settings.wear else None
        threads, precision = settings.threads, settings.precision
        selection = select_backend(settings.backend, files, precision)
        segmenter, generator = (
            load_network(weights, network, backend=selection.backend, threads=threads, precision=precision)
            for network in networks
        )
        warm_up()
        detector = OpenVINOEngine(face_networks.centerface(), threads, [INPUT_SHAPE])
        mesh = OpenVINOEngine(face_networks.face_landmark(), threads)
        gpu = _on_gpu(segmenter, generator)
        return cls(
            detector=CenterFace(detector),
            mesh=FaceMesh(mesh),
            segmenter=Segmenter(segmenter),
            generator=Generator(generator),
            size=segmenter.inputs[0].shape[-1],
            engine=segmenter.description + (", the work on pixels too" if gpu is not None else ""),
            selection=selection,
            wearer=wearer,
            gpu=gpu,
        )

    def retoucher(self, settings: Settings) -> Retoucher[Any]:
        """What works on the pixels of one stream's faces."""
        if self.wearer is not None:
            return WearingRetoucher(self.segmenter, self.wearer, smooth=settings.smooth)
        if self.gpu is not None:
            from stream_unmask.gpu.retouching import GpuRetoucher

            return GpuRetoucher(self.gpu, settings.blend, smooth=settings.smooth)
        return CpuRetoucher(self.segmenter, self.generator, Blender(settings.blend), smooth=settings.smooth)


def _on_gpu(segmenter: Engine, generator: Engine) -> GpuNetworks | None:
    """The networks for the work on pixels on a GPU; None where they do not run on one that torch can use."""
    if not (isinstance(segmenter, DeviceEngine) and isinstance(generator, DeviceEngine)):
        return None
    if find_spec("torch") is None:
        return None
    from stream_unmask.gpu.networks import GpuNetworks, can_use

    return GpuNetworks(segmenter, generator) if can_use(segmenter.device) else None


def _wearer(weights: Path, settings: Settings) -> Wearer:
    """What puts masks on. It runs on the backend asked for; its own, where ``auto`` finds a faster one."""
    if not has_weights(weights, WEARER, "fp32"):
        raise UnmaskError(
            f"The networks in {weights} cannot put masks on: train cyclegan, and export its run with "
            "python -m engines.export --wearer."
        )
    precision = "auto" if settings.precision == "int8" else settings.precision
    engine = load_network(
        weights, WEARER, backend=settings.backend, threads=settings.threads, precision=precision
    )
    return Wearer(engine)
