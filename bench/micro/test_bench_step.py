"""One mini-batch from gather to Adam."""

import pytest
from conftest import Timed
from engine import epochs, flops

from gpubackprop.backends import Backend
from gpubackprop.bench.problems import PROBLEMS

STEPS = 50


@pytest.mark.parametrize("name", ["tiny", "digits", "mid"])
def test_step(timed: Timed, backend: Backend, dtype: str, name: str) -> None:
    problem = PROBLEMS[name]
    problem = problem._replace(rows=STEPS * problem.batch)  # whole batches only
    training, order = epochs(problem, dtype, "relu", backend)
    with backend.session():
        timed(lambda: training.run(order), STEPS, flops(problem, problem.batch))
