"""A whole fit through the estimator, scikit-learn's own beside ours."""

from typing import Any

import pytest
from conftest import Timed
from engine import flops
from sklearn import neural_network

import gpubackprop
from gpubackprop.bench.problems import PROBLEMS
from gpubackprop.bench.start import parameters

EPOCHS = 10
ESTIMATORS: dict[str, tuple[Any, dict[str, str]]] = {
    "scikit_learn": (neural_network.MLPClassifier, {}),
    "reference": (gpubackprop.MLPClassifier, {"backend": "reference"}),
    "compiled": (gpubackprop.MLPClassifier, {"backend": "compiled"}),
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", ["tiny", "digits"])
def test_fit(timed: Timed, dtype: str, name: str, estimator: str) -> None:
    problem = PROBLEMS[name]
    make, own = ESTIMATORS[estimator]
    data = problem.data(dtype)
    model = make(max_iter=EPOCHS, **parameters(problem, "relu"), **own)
    timed(lambda: model.fit(*data), 1, EPOCHS * flops(problem, problem.rows))
