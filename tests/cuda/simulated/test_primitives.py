"""The primitives' own tests, every one of them, on simulated kernels."""

from tests.kernels.test_masks import *  # noqa: F403
from tests.kernels.test_optimizers import *  # noqa: F403
from tests.kernels.test_primitives import *  # noqa: F403
