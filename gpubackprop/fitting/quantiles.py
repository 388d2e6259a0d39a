"""A regressor that predicts quantiles: an output for each level."""

from typing import Any

import numpy as np
from sklearn.metrics import d2_pinball_score

from ..algorithm.parameters import Array
from ..backends.cuda.device_arrays import namespace, on_host
from . import overrides
from .options.formula_names import levels
from .options.values import options


class QuantileOutputs:
    """What several levels, or the loss "quantile" alone, change; stands before `DeviceData`."""

    @overrides.stands_in
    def _validate_input(self: Any, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        X, y = super()._validate_input(X, y, incremental, reset)  # type: ignore[misc]
        return X, outputs_of(self, y)

    def _predict(self: Any, X: Any, check_input: bool = True) -> Any:
        y_hat = super()._predict(X, check_input)  # type: ignore[misc]
        return in_order(fitted_levels(self), y_hat) if options(self).sort_quantiles else y_hat

    def _score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if self.loss != "quantile" or options(self).scoring is not None:
            return super()._score(X, y, sample_weight)  # type: ignore[misc]
        y_hat = on_host(self._predict(X, check_input=False))
        if not np.isfinite(y_hat).all():
            return np.nan
        return explained(fitted_levels(self), y, y_hat, sample_weight)

    def score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², or of quantiles the mean over the levels of D², the pinball loss explained.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Examples, on a GPU or not.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
            True values.
        sample_weight : array_like of shape (n_samples,), default=None
            Weights of the examples.

        Returns
        -------
        score : float
            Of quantiles that of `sklearn.metrics.d2_pinball_score`: 1 at the best, 0 for the
            quantiles of y alone.
        """
        if self.loss != "quantile":
            score: float = super().score(X, y, sample_weight)  # type: ignore[misc]
            return score
        y, y_hat = np.asarray(on_host(y)), on_host(self.predict(X))
        return explained(fitted_levels(self), y, y_hat, on_host(sample_weight))


def fitted_levels(estimator: Any) -> tuple[float, ...]:
    """Levels of a fitted regressor's outputs.

    ValueError if they are as many no longer, as `quantile` was set to others since.
    """
    own, outputs = levels(estimator), estimator.n_outputs_
    several = len(own) > 1 or options(estimator).sort_quantiles
    if several and len(own) != outputs:
        raise ValueError(
            f"quantile={options(estimator).quantile!r} has {len(own)} levels, and the model "
            f"was fitted with {outputs} outputs: fit it again, or set quantile as it was"
        )
    return own


def outputs_of(estimator: Any, y: Any) -> Any:
    """Require targets that the loss is of, and give them a column for each output.

    ValueError if the loss is "gamma" and they are not above 0, or they do not go with several
    levels.
    """
    if estimator.loss == "gamma" and not bool((y > 0).all()):
        raise ValueError("loss='gamma' requires strictly positive y.")
    return _for_each_level(estimator, y)


def _for_each_level(estimator: Any, y: Any) -> Any:
    """Give targets of one column a column for each of several levels."""
    several = len(levels(estimator))
    if several < 2:
        return y
    if y.ndim > 1 and y.shape[1] > 1:
        raise ValueError(
            f"quantile={options(estimator).quantile!r} makes an output of each level, which goes "
            f"with y of one column, got {y.shape[1]}"
        )
    return namespace(y).broadcast_to(y.reshape(-1, 1), (len(y), several))


def in_order(levels: tuple[float, ...], y_hat: Any) -> Any:
    """Sort each row's quantiles, so that no level is above a higher one.

    Source: V. Chernozhukov, I. Fernandez-Val, A. Galichon, "Quantile and probability curves
    without crossing", 2010: sorted, they are no further from the true quantiles.
    """
    return namespace(y_hat).sort(y_hat, axis=1)[:, ranks(levels)]


def ranks(levels: tuple[float, ...]) -> Array:
    """How many levels are below each."""
    return np.argsort(np.argsort(levels))


def explained(
    levels: tuple[float, ...], y: Array, y_hat: Array, sample_weight: Array | None
) -> float:
    """Mean over the levels of D², the share of the pinball loss that is explained."""
    if len(levels) == 1:
        score: float = d2_pinball_score(y, y_hat, sample_weight=sample_weight, alpha=levels[0])
        return score
    y = y if y.ndim == 1 else y[:, 0]
    each = (
        d2_pinball_score(y, of_level, sample_weight=sample_weight, alpha=level)
        for level, of_level in zip(levels, y_hat.T, strict=True)
    )
    return float(np.mean(list(each)))
