"""Program of every rank: fits cases together; the first rank compares them with its own fits.

python -m tests.distributed.on_ranks {mpi,torch} {slices,shards}[,..] [case ...]
"""

import sys
import warnings
from itertools import product

from gpubackprop import data_parallel
from tests.distributed.cases import CASES, differences, fit, shard


def connect(engine):
    """Let processes started by an engine know each other."""
    if engine == "torch":
        import torch.distributed as dist

        dist.init_process_group("gloo")


def disconnect(engine):
    if engine == "torch":
        import torch.distributed as dist

        dist.destroy_process_group()


def together(case, shards):
    """Fit on all ranks; return this one's index and all models."""
    with data_parallel(shards=shards) as group:
        rows = shard(case, group.index, group.size) if shards else slice(None)
        model = fit(case, rows, random_state=group.index)  # the first rank's counts
        return group.index, group.exchange(model)


def main(engine, deals, *names):
    warnings.simplefilter("ignore")
    connect(engine)
    wrong = []
    for case, deal in product(CASES, deals.split(",")):
        if names and case.name not in names:
            continue
        index, models = together(case, deal == "shards")
        if index == 0:
            wrong += [f"{case.name}, {deal}: {line}" for line in differences(fit(case), models)]
            print(case.name, "compared", flush=True)
    print(*wrong, sep="\n", end="", flush=True)
    disconnect(engine)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
