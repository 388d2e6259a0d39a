"""All sections, in the order of the report."""

from .claims import (
    autodiff,
    batch_size,
    cache_memory,
    checkpointing,
    finite_differences,
    gradient_cost,
    linear_cost,
    symbolic,
    toy_network,
)
from .on_cpu import (
    calls,
    end_to_end,
    epochs,
    first_fit,
    long_fit,
    memory,
    option_costs,
    prediction,
    ranks,
    roofline,
    rounding,
    scaling,
    searches,
    sparse,
    tables,
    unscaled,
)
from .on_gpu import crossover, host_time, kernels, peers, precision, step
from .report.section import Section

SUITE: tuple[Section, ...] = (
    epochs.SECTION,
    end_to_end.SECTION,
    long_fit.SECTION,
    unscaled.SECTION,
    option_costs.SECTION,
    scaling.SECTION,
    kernels.SECTION,
    step.SECTION,
    host_time.SECTION,
    precision.SECTION,
    crossover.SECTION,
    peers.SECTION,
    rounding.SECTION,
    roofline.SECTION,
    memory.SECTION,
    prediction.SECTION,
    calls.SECTION,
    searches.SECTION,
    sparse.SECTION,
    ranks.SECTION,
    first_fit.SECTION,
)
"""What `gpubackprop bench` measures; of a GPU's, `peers` comes last: compilers take minutes."""
ON_GPU: tuple[Section, ...] = tuple(section for section in SUITE if section.needs_gpu)
"""What `gpubackprop bench --gpu` measures."""
IF_NAMED: tuple[Section, ...] = (tables.SECTION,)
"""What only `--only` measures: it takes long, and packages that nobody else needs."""
CLAIMS: tuple[Section, ...] = (
    toy_network.SECTION,
    gradient_cost.SECTION,
    linear_cost.SECTION,
    finite_differences.SECTION,
    symbolic.SECTION,
    autodiff.SECTION,
    batch_size.SECTION,
    cache_memory.SECTION,
    checkpointing.SECTION,
)
"""What `gpubackprop bench --claims` measures: the derivation's, in its order, then the lesson's."""
