"""What one pass does on a GPU only, on simulated kernels: it adds up over a large block's warps."""

from tests.cuda.one_pass import *  # noqa: F403
