"""Estimators' methods for X on a GPU: nothing of X passes through the host."""

from contextlib import nullcontext
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.metaestimators import available_if

from .. import backends
from ..backends.cuda.device_arrays import adopt, device_for, on_gpu, on_host
from . import gpu_validation, overrides, prediction, validation
from .namespaces import as_numpy, in_numpy
from .options.values import options
from .scikit_learn import scores
from .scikit_learn.binarizer import decoded
from .scikit_learn.contract import MLPClassifier, check_partial_fit_first_call, mlp


class DeviceData:
    """Takes examples on a GPU; stands before all other classes, which take all other examples.

    y and sample_weight follow X to its device. The weights stay on the host, where each batch's
    are summed, and so do labels and predictions that scikit-learn's metrics score.
    """

    @overrides.stands_in
    def _fit(
        self: Any, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False
    ) -> Any:
        X, sample_weight = as_numpy(X), on_host(sample_weight)
        if not on_gpu(X):
            with in_numpy():
                return super()._fit(X, on_host(y), sample_weight, incremental)  # type: ignore[misc]
        X = adopt(X)
        with X.device, in_numpy():
            return super()._fit(X, y, sample_weight, incremental)  # type: ignore[misc]

    @overrides.stands_in
    def _validate_input(self: Any, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        if not on_gpu(X):
            return super()._validate_input(X, y, incremental, reset)  # type: ignore[misc]
        device_for(options(self).device, X)
        y = gpu_validation.array_of_targets(y, X)
        sample = self._sample(y, X)
        probe = gpu_validation.probe(X, len(sample.y))
        seen, targets = super()._validate_input(  # type: ignore[misc]
            probe, sample.y, incremental, reset
        )
        return X.astype(seen.dtype, copy=False), sample.targets(targets)

    def _sample(self, y: Any, X: Any) -> gpu_validation.Sample:
        return gpu_validation.sample_of_numbers(y, X)

    @overrides.stands_in
    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> Any:
        now = validation.of(self)
        if now is None or not now.keeps(X):
            return self._outputs(X, check_input)
        if now.y_hat is None:
            now.y_hat = self._outputs(X, check_input)
        return now.y_hat

    def _outputs(self: Any, X: Any, check_input: bool) -> Any:
        if not on_gpu(X):
            return super()._forward_pass_fast(X, check_input)  # type: ignore[misc]
        X = adopt(X)
        with X.device:
            X = gpu_validation.checked(self, X) if check_input else X
            reason = overrides.in_prediction(self)
            if reason:
                overrides.hand_down(self, X, reason)
            own = options(self)
            device = device_for(own.device, X)
            backend = backends.select(own.backend, device, own.precision)
            return prediction.predict_on(backend, self, X)

    def _score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Score validation rows after an epoch; NaN where training has diverged."""
        now = validation.of(self)
        if now is not None and now.scoring is not None:
            return now.score(self)
        y_hat = on_host(self._predict(X, check_input=False))
        if y_hat.dtype.kind == "f" and not np.isfinite(y_hat).all():
            return np.nan
        # looked up in scikit-learn's module, where a user may have put another
        metric = mlp.accuracy_score if isinstance(self, MLPClassifier) else mlp.r2_score
        return scores.QUICK.get(metric, metric)(y, y_hat, sample_weight=sample_weight)

    def score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean accuracy of a classifier, or R² of a regressor.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Examples, on a GPU or not.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
            True labels or values.
        sample_weight : array_like of shape (n_samples,), default=None
            Weights of the examples.

        Returns
        -------
        score : float
        """
        y, sample_weight = on_host(y), on_host(sample_weight)
        if not on_gpu(X):
            inherited = super().score  # type: ignore[misc]
            score: float = scores.score(inherited, self.predict, X, y, sample_weight)
            return score
        y_hat = on_host(self.predict(X))
        metric = accuracy_score if is_classifier(self) else r2_score
        return float(metric(y, y_hat, sample_weight=sample_weight))


def _partial_fit_of_scikit_learn(estimator: Any) -> Any:
    """Whether `partial_fit` exists, which only stochastic solvers have; raise why not."""
    return estimator.solver != "lbfgs" or super(DeviceLabels, estimator).partial_fit


def _are_known(estimator: Any, classes: Any) -> bool:
    """Whether `classes` are those of the calls before: a check of them takes a fifth of a call."""
    known = getattr(estimator, "classes_", None)
    return known is not None and np.array_equal(known, classes)


class DeviceLabels(DeviceData):
    """Takes labels on a GPU as well, for a classifier."""

    def _sample(self, y: Any, X: Any) -> gpu_validation.Sample:
        return gpu_validation.sample_of_labels(y, X)

    @available_if(_partial_fit_of_scikit_learn)  # type: ignore[untyped-decorator]
    def partial_fit(
        self: Any, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> Any:
        """Update the model with a single iteration over the given data.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Examples, on a GPU or not.
        y : array_like of shape (n_samples,)
            Labels.
        sample_weight : array_like of shape (n_samples,), default=None
            Weights of the examples.
        classes : array_like of shape (n_classes,), default=None
            All labels of this and later calls; required in the first call.

        Returns
        -------
        self : object
            The model.
        """
        if not on_gpu(y):
            X, classes = as_numpy(X), on_host(classes)
            with in_numpy():
                unknown = None if _are_known(self, classes) else classes
                return super().partial_fit(X, y, sample_weight, unknown)  # type: ignore[misc]
        self._validate_params()
        if check_partial_fit_first_call(self, on_host(classes)):
            indicators = y.ndim == 2 and y.shape[1] > 1
            labels = np.eye(y.shape[1], dtype=int) if indicators else self.classes_
            self._label_binarizer = LabelBinarizer().fit(labels)
        return super().partial_fit(X, y, sample_weight)  # type: ignore[misc]

    def _predict(self: Any, X: Any, check_input: bool = True) -> Any:
        y_hat = self._forward_pass_fast(X, check_input)
        with y_hat.device if on_gpu(y_hat) else nullcontext():
            return decoded(self._label_binarizer, y_hat)
