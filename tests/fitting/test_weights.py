"""Only the ratios of sample weights matter, whatever their size."""

import numpy as np
import pytest

from gpubackprop import MLPRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scale", [1e-60, 1e-42, 1e42])
def test_weights_beyond_the_range_of_float32(scale: float) -> None:
    rng = np.random.RandomState(0)
    X, y, weight = rng.rand(60, 5).astype(np.float32), rng.rand(60), rng.rand(60)

    def loss(weight: np.ndarray) -> float:
        model = MLPRegressor(hidden_layer_sizes=(4,), alpha=0.0, max_iter=5, random_state=0)
        return float(model.fit(X, y, weight).loss_)

    assert loss(weight * scale) == pytest.approx(loss(weight), rel=1e-5)
