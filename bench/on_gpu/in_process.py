"""Cases measured in another process: an error that ruins CUDA there leaves the next one alone."""

from on_gpu.section import Figures
from service import Service, UnavailableError

PATIENCE = 150.0
"""Seconds that a case may take."""


class InProcess:
    """Measures the cases of one section in a process that is started when there is none.

    Parameters
    ----------
    section : str
        Its name.
    quick : bool
        In small.
    """

    def __init__(self, section: str, quick: bool) -> None:
        self._arguments = (section, *(["--quick"] if quick else []))
        self._service: Service | None = None

    def measure(self, case: str) -> Figures:
        """Measure one case.

        Raises
        ------
        UnavailableError
            If its process ends; the next case has a new one.
        """
        if self._service is None:
            self._service = Service("gpu_worker.py", *self._arguments, patience=PATIENCE)
        try:
            return self._service.measure(case)
        except UnavailableError:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self._service is not None:
            self._service.close()
            self._service = None
