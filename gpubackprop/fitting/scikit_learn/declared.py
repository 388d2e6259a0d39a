"""What type checkers and editors see of the estimators, whose bases are chosen at run time."""

from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from ...algorithm.parameters import Array
from ...history import History

_Weights = npt.ArrayLike | None


class Declared:
    """Methods and fitted attributes of both estimators; while they run it is empty."""

    coefs_: list[Array]
    intercepts_: list[Array]
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    history_: History
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    n_features_in_: int
    out_activation_: str
    t_: int

    if TYPE_CHECKING:

        def fit(
            self,
            X: Any,
            y: Any,
            sample_weight: _Weights = None,
            *,
            X_val: Any = None,
            y_val: Any = None,
            sample_weight_val: _Weights = None,
        ) -> Self:
            """Fit the model to data matrix X and target(s) y; validate with X_val and y_val."""

        def predict(self, X: Any) -> Array:
            """Predict the labels or values of the rows of X."""

        def score(self, X: Any, y: Any, sample_weight: _Weights = None) -> float:
            """Compute the accuracy, or R² of a regressor, on the rows of X."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters by name."""

        def set_params(self, **params: Any) -> Self:
            """Set parameters by name."""

        def set_callbacks(self, *callbacks: Any) -> Self:
            """Set callbacks, which clones share; none removes those set."""

        def to_sklearn(self) -> Any:
            """Copy the model into one of scikit-learn's own class."""

        @classmethod
        def from_sklearn(cls, model: Any, **parameters: Any) -> Self:
            """Copy a model of scikit-learn's own class into one of this class."""

        @property
        def validation_loss_curve_(self) -> list[float] | None:
            """Loss of the validation rows after every epoch."""

        @property
        def best_epoch_(self) -> int | None:
            """Epoch, from 1, with the best validation score, or without any the lowest loss."""


class DeclaredClassifier(Declared):
    """Methods and attributes of a classifier alone."""

    classes_: Any

    if TYPE_CHECKING:

        def partial_fit(
            self, X: Any, y: Any, sample_weight: _Weights = None, classes: Any = None
        ) -> Self:
            """Train for one epoch on the rows of X; the first call names all classes."""

        def predict_proba(self, X: Any) -> Array:
            """Predict the probability of each class."""

        def predict_log_proba(self, X: Any) -> Array:
            """Predict the logarithm of each class's probability."""


class DeclaredRegressor(Declared):
    """Methods of a regressor alone."""

    if TYPE_CHECKING:

        def partial_fit(self, X: Any, y: Any, sample_weight: _Weights = None) -> Self:
            """Train for one epoch on the rows of X."""
