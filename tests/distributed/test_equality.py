"""Several ranks compute the numbers of one process."""

import pytest

from tests.distributed.cases import CASES, differences, fit, shard

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ONE = {}


@pytest.mark.parametrize(("size", "shards"), [(2, False), (3, True)], ids=["slices", "shards"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_threads_compute_as_one_process(in_threads, case, size, shards):
    if case.name not in ONE:
        ONE[case.name] = fit(case)

    def work(group):
        rows = shard(case, group.index, size) if shards else slice(None)
        return fit(case, rows, random_state=group.index)  # the first rank's counts

    models = in_threads(size, work, shards)
    assert [m for m in models if isinstance(m, Exception)] == []
    assert list(differences(ONE[case.name], models)) == []
