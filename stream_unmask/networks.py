"""Everything that is loaded once and serves every video: the compiled networks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import Selection, load_networks
from engines.backends.openvino_cpu import OpenVINOEngine
from engines.contract import GENERATOR, SEGMENTER, WEARER, NetworkName, has_weights
from engines.engine import DeviceEngine, Engine
from stream_unmask.bundled import BUNDLED_SETS, weights_folder
from stream_unmask.errors import UnmaskError, WeightsError
from stream_unmask.faces import weights as face_networks
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh
from stream_unmask.inpainting.cpu.networks import CpuNetworks
from stream_unmask.inpainting.cpu.ops import CpuDevice
from stream_unmask.inpainting.cpu.warming import warm_up
from stream_unmask.inpainting.guides import LEAST_LOOKS, StandIns
from stream_unmask.inpainting.inpainter import Inpainter
from stream_unmask.inpainting.references.guiding import Banks, References
from stream_unmask.inpainting.references.reference import Reference
from stream_unmask.inpainting.sources import Sources
from stream_unmask.inpainting.stand_ins.bank import Bank
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.tasks import Task
from stream_unmask.marks.writing import Marker
from stream_unmask.settings import Settings

if TYPE_CHECKING:
    from stream_unmask.inpainting.gpu.networks import GpuNetworks


_FACES_READY = 4
"""Faces at once that a GPU is made ready for: the first run of each number of faces takes up to seconds, and
a live stream must not wait for it when somebody steps in."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks, ready to run. The streams of several threads may share them.

    Attributes:
        detector: finds faces.
        mesh: fits the face mesh.
        cpu: those of the work on faces, handed arrays.
        size: side S of the crops in pixels.
        engine: what runs the segmenter, for people.
        selection: the backend and why no faster one.
        describer: of the upper halves of faces; None where nobody is to wear a stand-in.
        bank: the stand-ins; None likewise.
        gpu: the same on the GPU that runs them, where the work on pixels is done there too.
        lock: to be held by the thread that uses one of these, but for ``gpu``.
    """

    detector: CenterFace
    mesh: FaceMesh
    cpu: CpuNetworks
    size: int
    engine: str
    selection: Selection
    describer: UpperFace | None = None
    bank: Bank | None = None
    gpu: GpuNetworks | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def load(cls, settings: Settings) -> Networks:
        """Compile the networks for this machine.

        Args:
            settings: ``wear``, ``weights``, ``backend``, ``precision``, ``device`` and ``threads`` count
                here.

        Raises:
            EngineError: the backend cannot run or not in this precision, or the weights do not fit the
                contract.
            WeightsError: files are missing or damaged, or the weights put no masks on.
        """
        weights = weights_folder(settings.weights)
        wearing = _wearer(weights, settings) if settings.wear else None
        networks = (SEGMENTER, GENERATOR) if wearing is None else (SEGMENTER,)
        threads, precision = settings.threads, settings.precision
        # Networks compile without Python's lock: what else is loaded meanwhile takes no time of its own.
        with ThreadPoolExecutor(1) as beside:
            warm = beside.submit(warm_up)
            selection, engines = load_networks(
                weights,
                networks,
                backend=settings.backend,
                threads=threads,
                precision=precision,
                device=settings.device,
            )
            detector = OpenVINOEngine(face_networks.centerface(), threads, [INPUT_SHAPE])
            mesh = OpenVINOEngine(face_networks.face_landmark(), threads)
            warm.result()
        if wearing is not None:
            engines["wearer"] = wearing
        segmenter, gpu = engines["segmenter"], _on_gpu(engines)
        standing_in = wearing is None and settings.stand_in != "none"
        return cls(
            detector=CenterFace(detector),
            mesh=FaceMesh(mesh),
            cpu=CpuNetworks(engines),
            size=segmenter.inputs[0].shape[-1],
            engine=segmenter.description + (", the work on pixels too" if gpu is not None else ""),
            selection=selection,
            describer=UpperFace(threads) if standing_in else None,
            bank=bundled_stand_ins(weights) if standing_in else None,
            gpu=gpu,
        )

    def sources(
        self,
        settings: Settings,
        given: Mapping[int, Reference],
        known: Banks | None = None,
        *,
        still: bool = False,
    ) -> Sources:
        """Where the faces of one stream come from.

        Args:
            settings: ``reference`` and ``stand_in`` count here.
            given: people's own faces that the user gave, by the people's numbers; 0 for all others.
            known: what a :class:`~stream_unmask.survey.Survey` found.
            still: there will be one frame alone.
        """
        if settings.wear:
            return Sources()
        references = None
        if settings.reference != "none":
            search = settings.reference == "auto" or bool(given)
            references = References(self.mesh, self._unlocked(), given=given, search=search, known=known)
        return Sources(references, self._stand_ins(settings, 1 if still else LEAST_LOOKS))

    def _unlocked(self) -> AbstractContextManager[object]:
        """What is to be entered to use a network on the CPU; the work on a CPU holds the lock already."""
        return nullcontext() if self.gpu is None else self.lock

    def _stand_ins(self, settings: Settings, least_looks: int) -> StandIns | None:
        """What the faces of one stream are to wear; None where that is nothing."""
        if self.describer is None or self.bank is None or settings.stand_in == "none":
            return None
        wishes = settings.stand_in if isinstance(settings.stand_in, Mapping) else {}
        there = 2 * self.bank.count
        for wish in wishes.values():
            if wish != "none" and not 1 <= wish <= there:
                raise UnmaskError(f"There is no stand-in {wish}: there are {there}, mirror images included.")
        return StandIns(self.bank, self.describer, self.mesh, self._unlocked(), wishes, least_looks)

    def inpainter(self, task: Task, marker: Marker | None = None) -> Inpainter[Any]:
        """What does a task to the faces of one stream, and marks what it made of them."""
        if self.gpu is None:
            return Inpainter(CpuDevice(self.cpu), task, marker)
        from stream_unmask.inpainting.gpu.ops import GpuDevice

        return Inpainter(GpuDevice(self.gpu), task, marker)


def _on_gpu(engines: dict[NetworkName, Engine]) -> GpuNetworks | None:
    """The networks for the work on pixels on a GPU; None where they do not run on one that torch can use."""
    on_devices = {name: engine for name, engine in engines.items() if isinstance(engine, DeviceEngine)}
    if len(on_devices) < len(engines) or find_spec("torch") is None:
        return None
    from stream_unmask.inpainting.gpu.networks import GpuNetworks, can_use

    if not can_use(on_devices["segmenter"].device):
        return None
    networks = GpuNetworks(on_devices)
    networks.prepare(_FACES_READY)
    return networks


def _wearer(weights: Path, settings: Settings) -> Engine:
    """What puts masks on. It runs on the backend asked for; its own, where ``auto`` finds a faster one."""
    if not has_weights(weights, WEARER, "fp32"):
        able = [name for name, each in BUNDLED_SETS.items() if has_weights(each.folder, WEARER, "fp32")]
        raise WeightsError(
            f"The networks in {weights} cannot put masks on; those of the set {' or '.join(able)} can.",
            path=weights,
            hint=f"weights={able[0]}" if able else None,
        )
    precision = "auto" if settings.precision == "int8" else settings.precision
    _, engines = load_networks(
        weights,
        [WEARER],
        backend=settings.backend,
        threads=settings.threads,
        precision=precision,
        device=settings.device,
    )
    return engines["wearer"]
