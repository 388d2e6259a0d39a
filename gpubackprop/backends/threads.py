"""How many threads computation may use."""

import threadpoolctl


def blas_threads() -> int:
    """Threads of the BLAS, which follow the environment and `threadpoolctl.threadpool_limits`."""
    pools = threadpoolctl.threadpool_info()
    return max((pool["num_threads"] for pool in pools if pool["user_api"] == "blas"), default=1)
