"""The primitives' own tests, every one of them, on simulated kernels."""

from tests.kernels.test_primitives import *  # noqa: F403
