"""What a profile measures of scikit-learn's own code, the program does not notice."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fitting.agreement import TASKS, Params, said
from sklearn.neural_network import MLPClassifier

from gpubackprop.accelerator import profile, report

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 3}
X, y = TASKS["multiclass"].X, TASKS["multiclass"].y
CASES: dict[str, Params] = {
    "Adam": {},
    "SGD": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1},
    "L-BFGS": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True},
    "more rows in a batch than exist": {"batch_size": 500},
}


@pytest.mark.usefixtures("acceleration")
@pytest.mark.parametrize("scale", [1.0, 1e200], ids=["", "overflow"])
@pytest.mark.parametrize("case", CASES)
def test_a_profile_changes_no_fit(
    case: str, scale: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted() -> tuple[Any, list[Any]]:
        model = MLPClassifier(**{**BASE, **CASES[case]})

        def fit() -> None:
            with contextlib.suppress(ValueError):  # of weights that are not finite
                model.fit(scale * X, y)

        return model, said(fit)

    expected, heard = fitted()
    monkeypatch.setenv(report.VARIABLE, str(tmp_path))
    monkeypatch.setattr(profile, "_seconds", {})
    model, heard_with_a_profile = fitted()
    (call,) = report.read(tmp_path)
    assert call.reason is None
    assert len(profile._seconds) == 1
    assert heard_with_a_profile == heard
    for mine, other in zip(model.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)
