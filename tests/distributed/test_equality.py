"""Several ranks compute the numbers of one process."""

from itertools import cycle

import numpy as np
import pytest

from gpubackprop import MLPClassifier
from tests.distributed.cases import CASES, differences, fit, shard

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ONE = {}
X = np.random.RandomState(0).randn(40, 3)
y = X[:, 0] > 0


SLICES, SHARDS = (2, False), (3, True)
DEALT = [*zip(CASES, cycle([SLICES, SHARDS])), *zip(CASES[:6], cycle([SHARDS, SLICES]))]


@pytest.mark.parametrize(
    ("case", "size", "shards"),
    [(case, *deal) for case, deal in DEALT],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_threads_compute_as_one_process(in_threads, case, size, shards):
    if case.name not in ONE:
        ONE[case.name] = fit(case)

    def work(group):
        rows = shard(case, group.index, size) if shards else slice(None)
        return fit(case, rows, random_state=group.index)  # the first rank's counts

    models = in_threads(size, work, shards)
    assert [m for m in models if isinstance(m, Exception)] == []
    assert list(differences(ONE[case.name], models)) == []


def test_early_stopping_may_watch_the_loss(in_threads):
    settings = {"early_stopping": True, "scoring": "loss", "max_iter": 4, "random_state": 0}
    alone = MLPClassifier(**settings).fit(X, y)

    def work(group):
        return MLPClassifier(**settings).fit(X, y)

    for model in in_threads(2, work, False):
        assert model.validation_loss_curve_ == pytest.approx(alone.validation_loss_curve_)
        assert model.validation_scores_ == pytest.approx(alone.validation_scores_)
