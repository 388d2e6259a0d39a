"""Score and loss of the validation rows after an epoch, of one pass through the network."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, signature
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer

from ..algorithm.parameters import Array
from ..backends.cuda.device_arrays import on_host
from ..distributed.current import of_first
from ..kernels import reference
from . import overrides
from .conversion import formulas, loss_scale, targets, working_dtype
from .options.values import has_options, options
from .rows import ValidationRows, were_given
from .scikit_learn.contract import mlp

Evaluated = Callable[[Any, Array, Array], tuple[Array, float] | None]
"""Computes outputs and loss of rows, targets and shares; None where it cannot."""
LOSS = "loss"
"""Scoring by the loss, with a minus: the greater the better."""


def require_scorer(scoring: Any) -> None:
    """Raise ValueError if no scorer has this name."""
    if isinstance(scoring, str) and scoring != LOSS:
        try:
            get_scorer(scoring)
        except ValueError as error:
            raise ValueError(f"scoring must be {LOSS!r} or a scorer's name: {error}") from error


def require_rows(estimator: Any, rows: ValidationRows | None) -> None:
    """Raise ValueError if a score is asked for and there are no rows to score."""
    scoring = options(estimator).scoring
    if scoring is not None and rows is None:
        raise ValueError(
            f"scoring={scoring!r} scores validation rows, and there are none: set "
            "early_stopping=True or give fit X_val and y_val, or set scoring=None"
        )


def refuse_for_partial_fit(estimator: Any) -> None:
    """Raise ValueError if `partial_fit`, which validates with no rows, is asked for a score."""
    scoring = options(estimator).scoring
    if scoring is not None:
        raise ValueError(
            f"scoring={scoring!r} scores validation rows, which partial_fit has none of: use fit, "
            "or set scoring=None"
        )


def refuse_without_epochs(estimator: Any) -> None:
    """Raise ValueError if L-BFGS, which has no epochs, is asked to validate after each."""
    scoring = options(estimator).scoring
    asked = "X_val" if were_given(estimator) else f"scoring={scoring!r}"
    if were_given(estimator) or scoring is not None:
        raise ValueError(
            f"{asked} is for training by epochs, which the solver 'lbfgs' does not have; take the "
            f"solver 'adam' or 'sgd', or leave {asked} out"
        )


class Validation:
    """Rows to validate with, and what the network makes of them at present."""

    def __init__(self, estimator: Any, rows: ValidationRows) -> None:
        self.rows = rows
        self.scoring = scoring = options(estimator).scoring
        scored = scoring is not None and scoring != LOSS
        self._scorer = check_scoring(estimator, scoring=scoring) if scored else None
        self._weighted = rows.sample_weight is not None and scored and _takes_weights(self._scorer)
        self._plain = not overrides.in_prediction(estimator)
        dtype = working_dtype(estimator, rows.X)
        self._targets = targets(estimator, on_host(rows.targets), dtype)
        weight = np.ones(len(self._targets)) if rows.sample_weight is None else rows.sample_weight
        self._share = _shares(weight).astype(dtype)
        self._scale = loss_scale(estimator)
        self._looking = False
        self.y_hat: Array | None = None
        self._loss: float | None = None

    @contextmanager
    def looking(self, evaluated: Evaluated) -> Iterator[None]:
        """Keep the outputs of the rows within a `with`, in which no weights change.

        `evaluated` computes outputs and loss beforehand, where it can.
        """
        self._looking = self._plain
        found = evaluated(self.rows.X, self._targets, self._share) if self._plain else None
        self.y_hat, self._loss = found or (None, None)
        try:
            yield
        finally:
            self._looking, self.y_hat, self._loss = False, None, None

    def keeps(self, X: Any) -> bool:
        """Whether these are the rows whose outputs are kept at present."""
        return self._looking and X is self.rows.X

    def score(self, estimator: Any) -> float:
        """Score by the estimator's `scoring`; NaN where training has diverged."""
        y_hat = on_host(estimator._forward_pass_fast(self.rows.X, check_input=False))
        if not np.isfinite(y_hat).all():
            return np.nan
        if self._scorer is None:
            return -self.loss(estimator)
        X, y, weight = on_host(self.rows.X), self.rows.y, self.rows.sample_weight
        y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
        weights = {"sample_weight": weight} if self._weighted else {}
        score = of_first(self._scorer(_nameless(estimator), X, y, **weights))
        try:
            return float(score)
        except (TypeError, ValueError):
            scoring = self.scoring
            raise ValueError(f"scoring={scoring!r} must return a number, got {score!r}") from None

    def loss(self, estimator: Any) -> float:
        """Mean loss without the L2 penalty, weighted as the rows are."""
        if self._loss is not None:
            return self._scale * self._loss
        y_hat = on_host(estimator._forward_pass_fast(self.rows.X, check_input=False))
        with np.errstate(all="ignore"):  # what diverges is told of by the training loss
            if not self._plain:
                return _loss_of_scikit_learn(estimator, y_hat, self.rows)
            f, total, delta = formulas(estimator), np.zeros(1), np.empty_like(y_hat)
            Y, share = self._targets, self._share
            constant = np.array(f.constants, y_hat.dtype) if f.constants else None
            reference.output_delta(y_hat, Y, share, f.output, f.loss, delta, total, constant)
            return self._scale * float(total[0])


def _takes_weights(scorer: Any) -> bool:
    """Whether a scorer, or the metric that one of `make_scorer` is made of, has sample weights."""
    parameters = signature(getattr(scorer, "_score_func", scorer)).parameters
    named = (p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
    return "sample_weight" in parameters or any(named)


def _shares(weight: Array) -> Array:
    with np.errstate(all="ignore"):  # all of weight zero: the loss is NaN
        share: Array = (weight / weight.sum(dtype=np.float64)).reshape(-1, 1)
    return share


def _loss_of_scikit_learn(estimator: Any, y_hat: Array, rows: ValidationRows) -> float:
    """Loss by the function of its module, which somebody may have replaced."""
    binary = estimator.loss == "log_loss" and estimator.out_activation_ == "logistic"
    function = mlp.LOSS_FUNCTIONS["binary_log_loss" if binary else estimator.loss]
    return float(function(rows.targets, y_hat, rows.sample_weight))


def _nameless(estimator: Any) -> Any:
    """Copy a model without its columns' names, which the rows have lost; scorers call `predict`."""
    twin = copy.copy(estimator)
    vars(twin).pop("feature_names_in_", None)
    return twin


@contextmanager
def validating(estimator: Any, rows: ValidationRows | None) -> Iterator[None]:
    """Have the estimator's `_score` score these rows, as scikit-learn's early stopping asks."""
    require_rows(estimator, rows)
    cls: Any = type(estimator)
    if rows is None or not has_options(cls):
        yield
        return
    if getattr(estimator, "validation_scores_", None) is None:
        estimator.validation_scores_ = []
    estimator._validation = Validation(estimator, rows)
    try:
        yield
    finally:
        del estimator._validation


def of(estimator: Any) -> Validation | None:
    """Return what validates the estimator, while it trains."""
    found: Validation | None = vars(estimator).get("_validation")
    return found


def end_epoch(estimator: Any, rows: ValidationRows | None, evaluated: Evaluated) -> float | None:
    """Count epochs without improvement, as scikit-learn does, and return the validation loss."""
    X, y, _, weight = rows or (None, None, None, None)
    now = of(estimator)
    if now is None:
        estimator._update_no_improvement_count(estimator.early_stopping, X, y, weight)
        return None
    with now.looking(evaluated):
        estimator._update_no_improvement_count(estimator.early_stopping, X, y, weight)
        if not estimator.early_stopping:
            estimator.validation_scores_.append(estimator._score(X, y, weight))
        return now.loss(estimator)
