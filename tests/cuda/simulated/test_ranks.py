"""Ranks on stand-ins of a GPU each train together as one of them does alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gpubackprop.distributed.thread_group import thread_groups
from gpubackprop.training.dealing import Owners, Slices
from gpubackprop.training.rank_epochs import RankEpochs
from tests.cuda.simulated.stand_in import StandIn
from tests.cuda.simulated.test_training import EPOCHS, run_epochs, stand_in_backend

SMALL = {"n": 7, "batch_size": 4, "sizes": (3, 2)}


@pytest.mark.parametrize(("deals", "weighted"), [("slices", False), ("owners", True)])
def test_two_devices_train_as_one(make_problem, deals, weighted):
    shape = {**SMALL, "rates": (0.5,) if deals == "owners" else ()}
    alone = make_problem("float64", "Adam", weighted, **shape)
    losses, state = run_epochs(stand_in_backend(StandIn()), alone)

    def of_rank(group):
        problem, device = make_problem("float64", "Adam", weighted, **shape), StandIn()
        rows = np.arange(problem.n)
        mine = np.arange(problem.n) % 2 == group.index
        deal = Slices(rows, group) if deals == "slices" else Owners(np.where(mine, rows, -1), group)
        made = stand_in_backend(device), problem.net, problem.formulas, problem.optimizer
        data = problem.X, problem.Y, problem.weight, problem.ALPHA, problem.batch_size, None
        run = RankEpochs(*made, *data, deal, problem.dropout(made[0].memory)).run
        return [run(order) for order in problem.orders[:EPOCHS]], problem.state(), device.captured

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(of_rank, thread_groups(2)))
    for one_losses, one_state, captured in found:
        np.testing.assert_allclose(one_losses, losses, rtol=1e-13)
        for a, b in zip(one_state, state, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)
        assert captured or deals == "owners"  # whose batches differ
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(a, b)
