"""The backend of one GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...kernels.calls import executed
from ...kernels.cuda.device import Rounding
from ...kernels.cuda.gpu import gpu
from ...kernels.cuda.primitives import Primitives
from .. import threads
from ..backend import Backend
from .execution import preparing
from .memory import DeviceMemory
from .rendezvous import Rendezvous, of_gpu
from .shared_rows import while_running


def backend(index: int, rounding: Rounding = Rounding.NONE) -> Backend:
    """Make the backend of one device, as CUDA counts them, for the calling thread."""
    device = gpu(index)
    memory = DeviceMemory(device)
    primitives = Primitives(device, rounding)
    kernels = executed(primitives)
    fits = of_gpu(index) if threads.computes_alone() else Rendezvous()

    @contextmanager
    def session() -> Iterator[None]:
        with device.cupy.cuda.Device(index):
            device.cupy.cuda.get_current_stream().synchronize()  # the caller's arrays are complete
        with device:
            try:
                with while_running(memory):
                    yield
            finally:
                try:
                    device.stream.synchronize()  # and so are ours, whatever stream reads them next
                finally:
                    fits.leave(device)

    return Backend("cuda", kernels, memory, session, preparing(primitives, device, fits))
