"""Pictures of how a model was trained, in the manner of scikit-learn's displays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from .history import EpochRecord, History

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class LossCurveDisplay:
    """Training loss by epoch, and the validation loss if a fit has one.

    `from_estimator` and `from_history` make and draw one.

    Parameters
    ----------
    history : iterable of EpochRecord
        Records of the epochs.
    name : str or None, default=None
        Of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.
    lines_ : list of matplotlib.lines.Line2D
        The training loss, and the validation loss if there is one.

    Raises
    ------
    TypeError
        If `history` has something else than records.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from gpubackprop import LossCurveDisplay, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(early_stopping=True, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> plt.show()  # doctest: +SKIP
    """

    ax_: Axes
    figure_: Any
    lines_: list[Any]

    def __init__(self, history: Iterable[EpochRecord], *, name: str | None = None) -> None:
        records = list(history) if isinstance(history, Iterable) else [history]
        if not all(isinstance(record, EpochRecord) for record in records):
            raise TypeError(
                "history must be records of epochs, such as a model's history_, got "
                f"{type(history).__name__}"
            )
        self.history, self.name = History(records), name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, ax: Axes | None = None, **line: Any
    ) -> LossCurveDisplay:
        """Draw the loss curve of a model that was trained by epochs.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted, by another solver than "lbfgs".
        name : str or None, default=None
            For the legend; None takes the class's name.
        ax : matplotlib.axes.Axes or None, default=None
            What to draw on; None makes a figure.
        **line : object
            For matplotlib's `plot`, of both curves.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        ValueError
            If it has no history of epochs.
        ImportError
            If matplotlib is missing.
        """
        check_is_fitted(estimator)
        kind = type(estimator).__name__
        if not hasattr(estimator, "history_"):
            raise ValueError(
                f"estimator must have a history_, as gpubackprop's models trained by solver 'adam' "
                f"or 'sgd' have; got a {kind} without one"
            )
        return cls.from_history(estimator.history_, name=name or kind, ax=ax, **line)

    @classmethod
    def from_history(
        cls,
        history: Iterable[EpochRecord],
        *,
        name: str | None = None,
        ax: Axes | None = None,
        **line: Any,
    ) -> LossCurveDisplay:
        """Draw the loss curve of a history.

        Parameters
        ----------
        history : iterable of EpochRecord
            A model's `history_`, or records that a callback has collected.
        name, ax, **line
            As for `from_estimator`.

        Returns
        -------
        display : LossCurveDisplay
        """
        return cls(history, name=name).plot(ax, **line)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None, **line: Any
    ) -> LossCurveDisplay:
        """Draw once more.

        Parameters
        ----------
        ax, name, **line
            As for `from_estimator`.

        Returns
        -------
        display : LossCurveDisplay
            Itself.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(
                "LossCurveDisplay needs matplotlib: pip install 'gpubackprop[plot]'"
            ) from error
        self.ax_ = plt.subplots()[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        self.lines_ = []
        prefix = f"{name or self.name}, " if name or self.name else ""
        epochs = range(1, len(self.history) + 1)
        for label, losses in self._curves().items():
            self.lines_ += self.ax_.plot(epochs, losses, **{"label": f"{prefix}{label}", **line})
        self.ax_.set(xlabel="Epoch", ylabel="Loss")
        self.ax_.legend()
        return self

    def _curves(self) -> dict[str, list[float]]:
        """Losses by epoch; NaN, which is not drawn, where an epoch has none."""
        validation = self.history.validation_losses()
        curves = {"training": [record.loss for record in self.history]}
        if validation is not None:
            curves["validation"] = validation
        return curves
