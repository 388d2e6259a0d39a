"""The loss curve as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gpubackprop.cli.report import shortened
from gpubackprop.cli.training import best_epoch
from gpubackprop.files import write_atomically

_MOST_COLUMNS = 12


def save_loss_curve(
    network: Any, title: str, path: Path, lost: Mapping[str, float] = MappingProxyType({})
) -> bool:
    """Draw a network's loss by epoch, its validation score if it has one, and its columns' weight.

    `lost` is what the score loses when a column is shuffled, the most first. Return False, and
    write nothing, if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    # Not pyplot: no window, no global state, whatever the user's matplotlib is configured for.
    figure = Figure(figsize=(11 if lost else 7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(
        1, 2 if lost else 1, squeeze=False, width_ratios=[3, 2][: 1 + bool(lost)]
    )
    _draw(panels[0, 0], network, title)
    if lost:
        _draw_weights(panels[0, 1], lost, _score_name(network))
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
        name = _score_name(network)
        lines += right.plot(
            range(1, len(network.validation_scores_) + 1),
            network.validation_scores_,
            color="C1",
            label=f"validation {name}",
            marker=marker,
        )
        right.set_ylabel(f"validation {name}")
        best = best_epoch(network)
        lines.append(axes.axvline(best, color="gray", ls="--", label=f"epoch {best}, kept"))
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "ncols": 3}
        axes.legend(handles=lines, frameon=False, **below)


def _draw_weights(axes: Any, lost: Mapping[str, float], score: str) -> None:
    names = list(lost)[:_MOST_COLUMNS]
    axes.barh(range(len(names)), [lost[name] for name in names], color="C2")
    axes.set_yticks(range(len(names)), shortened(names, 24), parse_math=False)
    axes.invert_yaxis()
    more = f", {len(names)} of {len(lost)}" if len(lost) > len(names) else ""
    axes.set(title=f"columns{more}", xlabel=f"loss of {score} when shuffled")
    axes.grid(alpha=0.25, axis="x")


def _score_name(network: Any) -> str:
    return "accuracy" if hasattr(network, "classes_") else "R²"
