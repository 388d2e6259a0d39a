"""Numbers at the ends of their range, and numbers of unusual types: scikit-learn's results."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .agreement import OURS, THEIRS, TOLERANCES, Array, Params, said, state_of

RNG = np.random.RandomState(3)
X = RNG.randn(60, 5).astype(np.float32)
Y = RNG.randn(60)
SMALL: Params = {"hidden_layer_sizes": 7, "max_iter": 5, "random_state": 0}

both_backends = pytest.mark.parametrize("backend", ["compiled", "reference"])


def trained(package: Any, X: Array, y: Array, weight: Array | None = None, **params: Any) -> Any:
    """Fit a regressor, whatever it warns of."""
    model = package.MLPRegressor(**{**SMALL, **params})
    said(model.fit, X, y, weight)
    return model


def assert_as_scikit_learns(*data: Any, backend: str, **params: Any) -> None:
    """Check losses and weights of a regressor trained on float32 rows."""
    ours, theirs = trained(OURS, *data, backend=backend, **params), trained(THEIRS, *data, **params)
    assert np.isfinite(theirs.loss_)
    np.testing.assert_allclose(
        ours.loss_curve_, theirs.loss_curve_, rtol=TOLERANCES["float32"].loss
    )
    for mine, expected in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert mine.dtype == expected.dtype
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@both_backends
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("size", [1e13, 1e19, 1e30, 1e100])
def test_float64_targets_beyond_float32(size: float, loss: str, backend: str) -> None:
    assert_as_scikit_learns(X, size * np.abs(Y), loss=loss, backend=backend)


WEIGHTS: dict[str, tuple[Array, Params]] = {
    "one example a batch": (np.tile([1, 1, 1, 1e-40], 15), {"batch_size": 1, "alpha": 0.0}),
    "with a penalty": (np.tile([1, 1, 1, 1e-40], 15), {"batch_size": 1}),
    "recent ones count": (0.5 ** (np.arange(60) * 3.5), {"batch_size": 8}),
    "tiny, all of them": (np.full(60, 1e-60), {"batch_size": 8, "alpha": 0.0}),
}


@both_backends
@pytest.mark.parametrize("case", WEIGHTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_of_many_magnitudes(dtype: str, case: str, backend: str) -> None:
    weight, params = WEIGHTS[case]
    assert_as_scikit_learns(X.astype(dtype), Y, weight, backend=backend, **params)


@both_backends
def test_weights_of_all_magnitudes_of_float64(backend: str) -> None:
    weight = np.tile([1e300, 1.0, 1e-300], 20)
    params: Params = {"batch_size": 1, "alpha": 0.0}
    assert_as_scikit_learns(X.astype(np.float64), Y, weight, backend=backend, **params)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("weights", [None, "float32", "float64"])
@pytest.mark.parametrize("targets", ["float32", "int64"])
@pytest.mark.parametrize("rows", ["float32", "float64"])
def test_type_of_the_loss(rows: str, targets: str, weights: str | None, solver: str) -> None:
    weight = None if weights is None else np.ones(len(X), weights)
    data = X.astype(rows), (3 * Y).astype(targets), weight
    ours, theirs = (trained(m, *data, solver=solver) for m in (OURS, THEIRS))
    for name in ("loss_", "best_loss_"):
        assert type(getattr(ours, name, None)) is type(getattr(theirs, name, None)), name
    assert [*map(type, getattr(ours, "loss_curve_", []))] == [
        *map(type, getattr(theirs, "loss_curve_", []))
    ]


@pytest.mark.parametrize("batch_size", ["auto", 7, len(X)])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_type_of_the_loss_with_a_batch_size(solver: str, batch_size: int | str) -> None:
    data = X, Y.astype(np.float32), None
    ours, theirs = (trained(m, *data, solver=solver, batch_size=batch_size) for m in (OURS, THEIRS))
    assert type(ours.loss_) is type(theirs.loss_)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_type_of_a_classifiers_loss(solver: str) -> None:
    models = [m.MLPClassifier(**SMALL, solver=solver) for m in (OURS, THEIRS)]
    for model in models:
        said(model.fit, X, Y > 0)
    assert type(models[0].loss_) is type(models[1].loss_)


REALS: Params = {
    "alpha": 0.25,
    "learning_rate_init": 2.0**-7,
    "power_t": 0.5,
    "momentum": 0.875,
    "beta_1": 0.875,
    "beta_2": 0.9375,
    "epsilon": 2.0**-20,
    "tol": 2.0**-10,
}
"""Each the same number in every type."""


@both_backends
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_parameters_of_any_numpy_type(
    solver: str, kind: Callable[[float], Any], backend: str
) -> None:
    params: Params = {"solver": solver, "learning_rate": "invscaling", "backend": backend}
    plain = trained(OURS, X, Y, **params, **REALS)
    other = trained(OURS, X, Y, **params, **{name: kind(v) for name, v in REALS.items()})
    np.testing.assert_allclose(other.loss_, plain.loss_, rtol=1e-6)
    assert state_of(other._random_state) == state_of(plain._random_state)


@both_backends
@pytest.mark.parametrize("size", [1e19, 1e38])
def test_loss_that_overflows_warns_as_numpy_does(size: float, backend: str) -> None:
    y = (size * Y).astype(np.float32)
    model = OURS.MLPRegressor(**SMALL, backend=backend)
    assert RuntimeWarning in {category for category, _ in said(model.fit, X, y)}
    with np.errstate(all="ignore"):
        assert RuntimeWarning not in {category for category, _ in said(model.fit, X, y)}
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        model.fit(X, y)


def test_epsilon_that_float32_takes_for_zero() -> None:
    """Of the padding between parameters, too, which the reference divided 0 by."""
    y = Y.astype(np.float32)
    models = (trained(OURS, X, y, epsilon=1e-50, backend=b) for b in ("compiled", "reference"))
    theirs = trained(THEIRS, X, y, epsilon=1e-50)
    for ours in models:
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-5)
