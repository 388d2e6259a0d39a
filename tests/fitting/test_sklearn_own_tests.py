"""scikit-learn's own tests of its multi-layer perceptrons, unmodified, run against ours.

Its other two modules in that folder test losses and optimizers that are scikit-learn's own.
"""

import importlib.util
from types import ModuleType

import pytest
import sklearn.neural_network
from sklearn.neural_network.tests import test_mlp as original

import gpubackprop

ESTIMATORS = ("MLPClassifier", "MLPRegressor")

EXCEPTIONS: dict[str, str] = {}
"""Names of scikit-learn's tests that ours may fail, each with the reason; they must fail."""

LET_WARNINGS_PASS = pytest.mark.filterwarnings("default")
"""As scikit-learn's configuration does."""


def _run_with_ours() -> ModuleType:
    """Run the module's source anew, while scikit-learn's names stand for our estimators."""
    spec = importlib.util.spec_from_file_location("sklearn_test_mlp", original.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name in ESTIMATORS:
            patch.setattr(sklearn.neural_network, name, getattr(gpubackprop, name))
        spec.loader.exec_module(module)
    return module


module = _run_with_ours()
TESTS = {name: item for name, item in vars(module).items() if name.startswith("test_")}

for _name, _test in TESTS.items():
    # Before the test's own marks, whose filters then come first.
    _test.pytestmark = [LET_WARNINGS_PASS.mark, *getattr(_test, "pytestmark", [])]
    if _name in EXCEPTIONS:
        _test.pytestmark.append(pytest.mark.xfail(strict=True, reason=EXCEPTIONS[_name]).mark)
    globals()[_name] = _test


@pytest.fixture
def global_random_seed() -> int:
    """Stand in for the fixture of scikit-learn's conftest, with its default."""
    return 42


def test_the_tests_see_our_estimators() -> None:
    assert len(TESTS) > 30
    for name in ESTIMATORS:
        assert getattr(module, name) is getattr(gpubackprop, name)
        assert getattr(original, name) is getattr(sklearn.neural_network, name)


def test_exceptions_name_tests_that_exist() -> None:
    assert set(EXCEPTIONS) <= set(TESTS)
