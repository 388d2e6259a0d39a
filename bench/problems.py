"""The training problems that every benchmark shares."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Problem(NamedTuple):
    """Shapes of a classification problem and of the network for it."""

    name: str
    rows: int
    features: int
    classes: int
    hidden: tuple[int, ...]
    batch: int

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return (self.features, *self.hidden, self.classes)

    def smallest(self) -> "Problem":
        """The same kind of work in milliseconds, tail batch included: for trying things out."""
        hidden = tuple(8 for _ in self.hidden)
        return self._replace(rows=50, features=min(self.features, 8), hidden=hidden, batch=20)

    def data(self, dtype: str) -> tuple[Array, Array]:
        """Normal features, and as labels the largest of `classes` random linear functions."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.rows, self.features))
        y = (X @ rng.standard_normal((self.features, self.classes))).argmax(axis=1)
        return X.astype(dtype), y


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem("digits", 1797, 64, 10, (100,), 200),  # the shape of scikit-learn's digits
        Problem("tiny", 2000, 20, 3, (32,), 32),
        Problem("mid", 20000, 100, 10, (256, 128), 256),
        Problem("mnist", 20000, 784, 10, (512, 256), 128),  # the features of MNIST
        Problem("wide", 8192, 1024, 10, (2048, 2048), 1024),
    )
}
USUAL = ("digits", "tiny", "mid", "mnist")
"""Problems that take seconds."""
ON_GPU = {
    **PROBLEMS,
    "deep": Problem("deep", 32768, 1024, 10, (4096,) * 4, 8192),
}
"""The usual problems, and one that fills a GPU."""
DTYPES = ("float32", "float64")
ACTIVATIONS = ("relu", "tanh", "logistic")
