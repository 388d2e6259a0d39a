"""scikit-learn's checks of what an estimator must do."""

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gpubackprop import MLPClassifier, MLPRegressor

EXPECTED_FAILURES: dict[str, str] = {}
"""Checks that may fail, with the reason; scikit-learn lists none for its own two either."""

# scikit-learn runs them with few epochs and without heeding the warnings that follow from it.
pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def _expected_failures(estimator: Any) -> dict[str, str]:
    return EXPECTED_FAILURES


checks = parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        MLPClassifier(max_iter=100, solver="lbfgs"),
    ],
    expected_failed_checks=_expected_failures,
).mark
names, pairs = checks.args


@pytest.mark.parametrize(names, list(pairs), **checks.kwargs)  # pytest 9.1 wants no generator
def test_check(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
