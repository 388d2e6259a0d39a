"""The claims of the derivation, in the order of its text, and then of the lesson's."""

from . import (
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

SECTIONS = (
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
