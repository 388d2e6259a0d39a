"""Contestants with scikit-learn's interface: each runs its own `_fit_stochastic`."""

import time
import warnings
from importlib.metadata import version
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ...fitting.overrides import stands_in
from ..problems import Problem
from ..start import parameters
from .contestant import Training, blas


class _Marks:
    """Notes when each epoch ends: both libraries then look whether the loss has improved."""

    @stands_in
    def _fit_stochastic(self, *arguments: Any, **named: Any) -> None:
        self.marks: list[float] = []
        super()._fit_stochastic(*arguments, **named)  # type: ignore[misc]

    @stands_in
    def _update_no_improvement_count(self, *arguments: Any, **named: Any) -> None:
        super()._update_no_improvement_count(*arguments, **named)  # type: ignore[misc]
        self.marks.append(time.perf_counter())


def marked(estimator: type) -> Any:
    """Make the class of estimators that keep in `marks` when each epoch ended."""
    return type(estimator.__name__, (_Marks, estimator), {})


class EstimatorContestant:
    """Trains an MLPClassifier: scikit-learn's, or a subclass of it with more parameters."""

    def __init__(
        self, estimator: type, problem: Problem, dtype: str, activation: str, **more: Any
    ) -> None:
        self._package = estimator.__module__.partition(".")[0]
        self._estimator = marked(estimator)
        self._parameters = {**parameters(problem, activation), **more}
        self._data = problem.data(dtype)

    def train(self, epochs: int) -> Training:
        """Fit anew; what comes before the end of the first epoch is not counted."""
        model = self._estimator(max_iter=epochs + 1, **self._parameters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(*self._data)
        return Training((model.marks[-1] - model.marks[0]) / epochs, list(model.loss_curve_))

    def versions(self) -> dict[str, str]:
        """Package, NumPy and the BLAS libraries with their threads."""
        package = {"sklearn": "scikit-learn"}.get(self._package, self._package)
        found = {name: version(name) for name in (package, "numpy", "scipy")}
        return {**found, "blas": blas()}
