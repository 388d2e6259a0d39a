"""scikit-learn's own tests of its multi-layer perceptrons, unmodified, with acceleration."""

import importlib.util

import pytest
from sklearn.neural_network.tests import test_mlp as original

from gpubackprop.accelerator import patching

pytestmark = pytest.mark.usefixtures("acceleration")

LET_WARNINGS_PASS = pytest.mark.filterwarnings("default")
"""As scikit-learn's configuration does."""

spec = importlib.util.spec_from_file_location("sklearn_test_mlp_accelerated", original.__file__)
assert spec is not None
assert spec.loader is not None
module = importlib.util.module_from_spec(spec)  # whose tests have marks of their own
spec.loader.exec_module(module)
TESTS = {name: item for name, item in vars(module).items() if name.startswith("test_")}

for _name, _test in TESTS.items():
    # Before the test's own marks, whose filters then come first.
    _test.pytestmark = [LET_WARNINGS_PASS.mark, *getattr(_test, "pytestmark", [])]
    globals()[_name] = _test


@pytest.fixture
def global_random_seed() -> int:
    """Stand in for the fixture of scikit-learn's conftest, with its default."""
    return 42


def test_the_tests_are_run_with_acceleration() -> None:
    assert len(TESTS) > 30
    assert patching.is_installed()
