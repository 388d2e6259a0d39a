"""What a score loses when a column is shuffled among the held-out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpubackprop.cli.scores import Array, main_score
from gpubackprop.table.conversion import AVERAGES, feature_names

if TYPE_CHECKING:
    import pandas as pd

    from gpubackprop.table.model_file import Bundle

_ROWS = 1000
_REPEATS = 5
_MOST_SHUFFLES = 200


def importances(bundle: Bundle, table: pd.DataFrame, truth: Array) -> dict[str, float]:
    """Shuffle each column among held-out rows; find what the score loses, the most first."""
    draw = np.random.default_rng(0)
    rows = draw.permutation(len(table))[:_ROWS]
    inputs, truth = bundle.inputs(table.iloc[rows]), truth[rows]
    repeats = max(1, min(_REPEATS, _MOST_SHUFFLES // len(bundle.columns)))

    def scored(changed: Array) -> list[float]:
        """Score each of several versions of the rows, predicted in one go."""
        predicted = bundle.from_network(bundle.network.predict(changed))
        parts = np.split(predicted, len(changed) // len(rows))
        return [main_score(bundle.task, truth, part) for part in parts]

    (whole,), lost = scored(inputs), {}
    for name, places in _inputs_of(bundle).items():
        shuffled = np.concatenate([draw.permutation(len(rows)) for _ in range(repeats)])
        changed = np.tile(inputs, (repeats, 1))
        changed[:, places] = inputs[shuffled][:, places]
        lost[name] = whole - float(np.mean(scored(changed)))
    return dict(sorted(lost.items(), key=lambda item: -item[1]))


def _inputs_of(bundle: Bundle) -> dict[str, list[int]]:
    """Find which of the network's inputs each column sets."""
    prepare, names = bundle.prepare, feature_names(bundle.columns)
    places: dict[str, list[int]] = {column.name: [] for column in bundle.columns}
    owner = {name: column for (column, _), name in names.items()}
    for part, _, features in prepare.transformers_:
        span = prepare.output_indices_[part]
        each = [1] * len(features)
        if part == AVERAGES:
            each = [(span.stop - span.start) // len(features)] * len(features)
        elif part == "categories":
            each = [len(categories) for categories in prepare.named_transformers_[part].categories_]
        at = span.start
        for feature, count in zip(features, each, strict=True):
            places[owner[feature]] += range(at, at + count)
            at += count
    return places
