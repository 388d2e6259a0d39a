"""All sections, in the order of the report."""

from .claims.all import SECTIONS
from .on_gpu import host_time, kernels, peers, precision, step
from .report.section import Section
from .suite import (
    crossover,
    end_to_end,
    epochs,
    first_fit,
    memory,
    prediction,
    roofline,
    scaling,
)

SUITE: tuple[Section, ...] = (
    epochs.SECTION,
    end_to_end.SECTION,
    scaling.SECTION,
    crossover.SECTION,
    peers.SECTION,
    step.SECTION,
    kernels.SECTION,
    host_time.SECTION,
    precision.SECTION,
    roofline.SECTION,
    memory.SECTION,
    prediction.SECTION,
    first_fit.SECTION,
)
"""What `gpubackprop bench` measures."""
CLAIMS: tuple[Section, ...] = SECTIONS
"""What `gpubackprop bench --claims` measures."""
