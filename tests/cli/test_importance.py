import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from gpubackprop.cli.importance import importances
from gpubackprop.table import Column, preprocessor
from gpubackprop.table.model_file import Bundle


def test_what_is_lost_is_what_a_shuffled_column_explains():
    """y = 3 a + b of unit variance: without a its variance is missed twice, 2 · 9 / 10."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(4000, 3)), columns=["b", "idle", "a"])
    table["kind"] = draw.choice(["x", "y", "z"], 4000)
    columns = [*(Column(name, "number") for name in ("b", "idle", "a")), Column("kind", "category")]
    y = (3 * table["a"] + table["b"]).to_numpy()
    scaler = StandardScaler().fit(y.reshape(-1, 1))
    model = Bundle(
        *("regression", "y", tuple(columns), preprocessor(columns, "regression")),
        LinearRegression(),
        target_scaler=scaler,
    )
    model.network.fit(model.fit_inputs(table, y), model.to_network(y))
    lost = importances(model, table, y)
    assert list(lost)[:2] == ["a", "b"]
    assert lost["a"] == pytest.approx(1.8, abs=0.1)
    assert lost["b"] == pytest.approx(0.2, abs=0.05)
    assert lost["idle"] == pytest.approx(0, abs=1e-3)
    assert lost["kind"] == pytest.approx(0, abs=1e-3)
