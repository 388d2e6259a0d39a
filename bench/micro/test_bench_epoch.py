"""One epoch, tail batch included."""

import pytest
from conftest import Timed
from engine import epochs, flops

from gpubackprop.backends import Backend
from gpubackprop.bench.problems import ACTIVATIONS, PROBLEMS


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", ["tiny", "digits"])
def test_epoch(timed: Timed, backend: Backend, dtype: str, name: str, activation: str) -> None:
    problem = PROBLEMS[name]
    training, order = epochs(problem, dtype, activation, backend)
    with backend.session():
        timed(lambda: training.run(order), 1, flops(problem, problem.rows))
