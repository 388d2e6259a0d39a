"""How the tests of backups run."""

from tests.one_thread import one_blas_thread as one_blas_thread
