"""The project's goals for its figures, and whether they are met."""

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the comparison."""

    problem: str
    dtype: str
    activation: str


AT_LEAST: dict[Row, dict[str, float]] = {
    Row("digits", "float32", "relu"): {"scikit_learn": 5, "torch_eager": 6, "jax_scan": 2.3},
    Row("tiny", "float32", "relu"): {"scikit_learn": 40, "torch_eager": 90, "jax_scan": 5},
    Row("mid", "float32", "relu"): {"scikit_learn": 2.7, "torch_eager": 1.8, "jax_scan": 1.35},
    Row("mnist", "float32", "relu"): {"scikit_learn": 2.7, "torch_eager": 1.7, "jax_scan": 1.2},
    Row("wide", "float32", "relu"): {"scikit_learn": 1.4, "torch_eager": 1.3, "jax_scan": 1.0},
    Row("digits", "float64", "relu"): {"scikit_learn": 3.5},
    Row("tiny", "float64", "relu"): {"scikit_learn": 30},
    Row("mid", "float64", "relu"): {"scikit_learn": 2},
    Row("digits", "float32", "tanh"): {"scikit_learn": 2},
    Row("mid", "float32", "tanh"): {"scikit_learn": 2},
    Row("digits", "float32", "logistic"): {"scikit_learn": 2},
    Row("mid", "float32", "logistic"): {"scikit_learn": 2},
}
"""Epoch time of a contestant over ours."""

FLOOR_AT_MOST = {
    Row("digits", "float32", "relu"): 1.7,
    Row("tiny", "float32", "relu"): 2.6,
    Row("mid", "float32", "relu"): 1.18,
    Row("mnist", "float32", "relu"): 1.18,
    Row("wide", "float32", "relu"): 1.06,
}
"""Our epoch time over that of its matrix products alone."""

FIRST_FIT_AT_MOST = {"cold": 0.1, "warm": 0.1}
"""Seconds that a process's first fit may take longer than scikit-learn's, the package installed."""
IMPORT_AT_MOST = 0.1
"""Seconds that the import may take longer than scikit-learn's."""
MEMORY_AT_MOST = 160.0
"""Megabytes of peak memory above scikit-learn's."""
PREDICTION_AT_LEAST = 1.0
"""Prediction time of scikit-learn over ours."""
CALLS_AT_LEAST = {
    **{f"partial_fit {layers} {n}": 1.0 for layers in ("one", "four") for n in (1, 10, 200)},
    "partial_fit one 200": 3.0,
    **{f"fit {layers} {start}": 1.0 for layers in ("one", "four") for start in ("cold", "warm")},
    "fit 500 cold": 1.0,
    "stopping iris": 5.0,
    "stopping digits": 3.5,
    "stopping tiny": 30.0,
}
"""Time of a small call of scikit-learn over ours; see the section `calls`."""
SEARCHES_AT_LEAST = {"digits": 5.0, "tiny": 25.0, "mid": 2.5}
"""Time of a grid search of scikit-learn in processes over ours in threads."""
SPARSE_AT_LEAST = {"30000 float64": 4.0}
"""Time of a fit on sparse examples of scikit-learn over ours; see the section `sparse`."""
LONG_FIT_AT_MOST = 1.05
"""Time of an epoch in the last tenth of a long fit over that in the first."""
UNSCALED_AT_MOST = 1.1
"""Time of an epoch on unscaled features over that on the same features scaled."""

RANKS_AT_MOST = 1.15
"""Time of a step of two ranks of one thread over that of one process of two threads."""
OPTION_AT_MOST = 1.1
"""Time of an epoch with an option over that without it."""

KERNEL_AT_LEAST = 0.90
"""Bytes a second of a pass over a GPU's memory, over those of a copy on the device."""
STEP_AT_MOST = 1.10
"""Time of a training step on a GPU over that of its matrix products alone."""
ON_GPU_AT_LEAST = {
    "torch_cuda": 3.0,
    "torch_compiled_cuda": 1.3,
    "torch_graphed": 1.2,
    "jax_cuda": 1.2,
}
"""Epoch time of a contestant over ours, both on a GPU; geometric mean over the problems."""
HOST_MICROSECONDS_AT_MOST = 10.0
"""What a mini-batch on a GPU may cost the host."""


MET, MISSED, UNJUDGED = " met", " MISSED", " (not judged: toy sizes)"


def at_least(goal: float, value: float) -> str:
    """Say a goal from below, and whether it is met."""
    return f">= {goal:g}{MET if value >= goal else MISSED}"


def at_most(goal: float, value: float) -> str:
    """Say a goal from above, and whether it is met."""
    return f"<= {goal:g}{MET if value <= goal else MISSED}"


def unjudged(said: str) -> str:
    """Take the verdict back where a sentence or a cell ends with one."""
    for verdict in (MET, MISSED):
        if said.endswith(verdict):
            return said.removesuffix(verdict) + UNJUDGED
    return said
