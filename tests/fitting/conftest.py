"""How the tests of the estimators and what they stand on run."""

from tests.one_thread import one_blas_thread as one_blas_thread
