"""Everything that is loaded once and serves every video: the four compiled networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines import Selection, load_network, select_backend
from engines.contract import GENERATOR, SEGMENTER, read_weights
from engines.openvino_cpu import OpenVINOEngine
from stream_unmask.faces import weights as face_networks
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.settings import Settings
from stream_unmask.unmasking.blending import Blender
from stream_unmask.unmasking.generating import Generator
from stream_unmask.unmasking.retouching import CpuRetoucher, Retoucher
from stream_unmask.unmasking.segmenting import Segmenter
from stream_unmask.unmasking.warming import warm_up

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
    """

    detector: CenterFace
    mesh: FaceMesh
    segmenter: Segmenter
    generator: Generator
    size: int
    engine: str
    selection: Selection

    @classmethod
    def load(cls, settings: Settings) -> Toolkit:
        """Compile the networks for this machine.

        Args:
            settings: ``weights``, ``backend``, ``precision`` and ``threads`` count here.

        Raises:
            EngineError: the backend cannot run or not in this precision, or the weights do not fit the
                contract.
            UnmaskError: the face detector's files are missing.
        """
        networks = (SEGMENTER, GENERATOR)
        weights = settings.weights or BUNDLED_WEIGHTS
        files = [read_weights(weights, network).path for network in networks]
        threads, precision = settings.threads, settings.precision
        selection = select_backend(settings.backend, files, precision)
        segmenter, generator = (
            load_network(weights, network, backend=selection.backend, threads=threads, precision=precision)
            for network in networks
        )
        warm_up()
        detector = OpenVINOEngine(face_networks.centerface(), threads, [INPUT_SHAPE])
        mesh = OpenVINOEngine(face_networks.face_landmark(), threads)
        return cls(
            detector=CenterFace(detector),
            mesh=FaceMesh(mesh),
            segmenter=Segmenter(segmenter),
            generator=Generator(generator),
            size=segmenter.inputs[0].shape[-1],
            engine=segmenter.description,
            selection=selection,
        )

    def retoucher(self, settings: Settings) -> Retoucher[Any]:
        """What works on the pixels of one stream's faces."""
        return CpuRetoucher(self.segmenter, self.generator, Blender(settings.blend), smooth=settings.smooth)
