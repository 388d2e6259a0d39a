"""The loss curve as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from gpubackprop.files import write_atomically


def save_loss_curve(network: Any, title: str, path: Path) -> bool:
    """Draw a network's loss by epoch, and its validation score if it has one.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        A fitted network.
    title : str
        The picture's title.
    path : Path
        The PNG to write.

    Returns
    -------
    bool
        False if matplotlib is not installed; nothing is written then.

    Raises
    ------
    WriteError
        If the picture cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    # Not pyplot: no window, no global state, whatever the user's matplotlib is configured for.
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    _draw(figure.add_subplot(), network, title)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    write_atomically(path, picture.getvalue())
    return True


def _draw(axes: Any, network: Any, title: str) -> None:
    epochs = range(1, len(network.loss_curve_) + 1)
    marker = "o" if len(epochs) == 1 else None
    lines = axes.plot(epochs, network.loss_curve_, color="C0", label="training loss", marker=marker)
    axes.set(title=title, xlabel="epoch", ylabel="training loss")
    if min(network.loss_curve_) > 0:
        axes.set_yscale("log")
    axes.grid(alpha=0.25, which="both")
    if getattr(network, "validation_scores_", None):
        right = axes.twinx()
        name = "accuracy" if hasattr(network, "classes_") else "R²"
        lines += right.plot(
            range(1, len(network.validation_scores_) + 1),
            network.validation_scores_,
            color="C1",
            label=f"validation {name}",
            marker=marker,
        )
        right.set_ylabel(f"validation {name}")
        axes.legend(handles=lines, loc="center right", frameon=False)
