"""The elementary functions, swept densely: a few units in the last place, and no surprises."""

import numpy as np
import pytest
from numba import njit

from gpubackprop.kernels import reference
from gpubackprop.kernels.compiled import kernels as compiled
from gpubackprop.kernels.elementary import logarithm
from gpubackprop.kernels.formulas import Activation

POINTS = 1_000_000
ENDS = {"float32": 104.0, "float64": 746.0}
"""Beyond these exp(-x) is zero even as a subnormal number."""

EXACT = {
    Activation.SIGMOID: lambda z: 1 / (1 + np.exp(-z)),
    Activation.TANH: np.tanh,
    Activation.EXP: np.exp,
}
LIMIT = {
    Activation.SIGMOID: 3.0,
    Activation.TANH: 3.0,
    Activation.EXP: 3.0,
    Activation.SOFTMAX: 4.0,
}
"""Units in the last place.

Measured over these points, compiled in float32 and float64, then the reference: sigmoid 2.26 and
2.25, 2.26 and 2.25; tanh 2.48 and 2.47, 1.32 and 1.12; exp 0.50 and 0.51, 2.40 and 0.72; softmax
2.54 and 2.41, 3.02 and 2.25. The sigmoid's worst is the formula's own, where 1 + exp(-z) loses the
1, hence the same in both modules.
"""


@pytest.fixture
def points(dtype):
    """The whole range evenly, and the neighbourhood of zero by magnitude."""
    end = ENDS[dtype.name]
    near = np.geomspace(np.finfo(dtype).tiny, 1, POINTS // 4)
    return np.concatenate([np.linspace(-end, end, POINTS), near, -near]).astype(dtype)


def sigma(kernels, activation, z):
    """sigma of z as a layer with one input, 1, and weights z computes it."""
    out = np.full((1, z.size), np.nan, dtype=z.dtype)
    zeros = np.zeros(z.size, dtype=z.dtype)
    kernels.dense(np.ones((1, 1), dtype=z.dtype), z.reshape(1, -1), zeros, activation, out, out)
    return out[0]


def worst_ulps(actual, expected):
    """Largest error in units of the last place, where the result is a normal number."""
    tiny = np.finfo(actual.dtype).tiny
    rounded = expected.astype(actual.dtype)
    normal = np.isfinite(rounded) & (np.abs(expected) > 2 * tiny)
    error = np.abs(actual[normal] - expected[normal])
    below = np.abs(expected) <= 2 * tiny
    assert np.all(np.abs(actual[below] - expected[below]) <= 4 * tiny)
    return float(np.max(error / np.spacing(np.abs(rounded[normal]))))


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # exp, at the end of the range
@pytest.mark.parametrize("activation", EXACT, ids=lambda a: a.name.lower())
def test_activation_is_within_units_in_the_last_place(kernels, points, activation):
    actual = sigma(kernels, activation, points)
    expected = EXACT[activation](points.astype(np.longdouble))
    assert not np.isnan(actual).any()
    assert worst_ulps(actual, expected) <= LIMIT[activation]


def test_softmax_is_within_units_in_the_last_place(kernels, points, dtype):
    z = np.ascontiguousarray(np.stack([points, np.zeros_like(points)], axis=1))
    out = np.full_like(z, np.nan)
    kernels.dense(z, np.eye(2, dtype=dtype), np.zeros(2, dtype), Activation.SOFTMAX, out, out)
    expected = 1 / (1 + np.exp(-points.astype(np.longdouble)))
    assert worst_ulps(out[:, 0], expected) <= LIMIT[Activation.SOFTMAX]


@pytest.mark.parametrize(
    ("activation", "low"), [(Activation.SIGMOID, 0), (Activation.TANH, -1)], ids=str
)
def test_values_stay_in_their_range_and_reach_its_ends(kernels, points, activation, low):
    actual = sigma(kernels, activation, points)
    assert actual.min() >= low
    assert actual.max() <= 1
    enough = 40.0  # 1 - 2 exp(-40) rounds to 1 in either dtype
    assert np.all(actual[points > enough] == 1)
    np.testing.assert_allclose(actual[points < -enough], low, atol=1e-17)


@pytest.mark.parametrize("activation", [Activation.SIGMOID, Activation.TANH], ids=str)
def test_values_never_fall_by_more_than_rounding(kernels, points, activation):
    actual = sigma(kernels, activation, np.sort(points))
    fall = np.maximum.accumulate(actual) - actual
    assert np.all(fall <= LIMIT[activation] * np.spacing(np.abs(actual)))


def log(dtype, points):
    """The logarithm of each point, as the loops compute it."""
    of_one = logarithm(dtype.type)

    def of_all(points, out):
        for i in range(points.shape[0]):
            out[i] = of_one(points[i])

    out = np.empty_like(points)
    njit(of_all)(points, out)
    return out


def test_log_is_within_units_in_the_last_place(dtype):
    """Measured over these points: 1.55 in float32, 1.54 in float64."""
    info = np.finfo(dtype)
    small, near_1 = np.geomspace(info.tiny, 1, POINTS), 1 - np.geomspace(info.eps, 0.5, POINTS)
    points = np.concatenate([small, near_1]).astype(dtype)
    points = points[points < 1]
    assert worst_ulps(log(dtype, points), np.log(points.astype(np.longdouble))) <= 2.0


def test_log_of_1_is_0_and_of_nan_nan(dtype):
    np.testing.assert_array_equal(log(dtype, np.array([1, np.nan], dtype)), [0, np.nan])


@pytest.mark.parametrize(
    "activation", [Activation.SIGMOID, Activation.TANH, Activation.SOFTMAX], ids=str
)
@pytest.mark.parametrize("far", [200.0, 1e4, 1e30])
def test_saturated_values_are_the_references_to_the_last_bit(dtype, activation, far):
    """Unscaled features: 1e-38 in the place of 0 becomes denormal in every product with it."""
    far *= 5 if dtype == np.float64 else 1
    A = np.array([[far, -far, 0], [0, far, -far]], dtype)
    out = {}
    for kernels in (reference, compiled):
        Z = out[kernels] = np.full_like(A, np.nan)
        kernels.dense(A, np.eye(3, dtype=dtype), np.zeros(3, dtype), activation, Z, Z)
    assert out[compiled].tobytes() == out[reference].tobytes()


@pytest.mark.parametrize("activation", [Activation.SIGMOID, Activation.TANH], ids=str)
def test_no_activation_is_denormal_by_a_large_argument(points, activation):
    far = points[np.abs(points) >= 1]
    size = np.abs(sigma(compiled, activation, far))
    assert np.all((size == 0) | (size >= np.finfo(size.dtype).tiny))
