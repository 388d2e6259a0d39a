"""The flat parameter vector: aligned, in scikit-learn's order, weights first."""

import errno
import mmap

import numpy as np
import pytest

from gpubackprop.algorithm.memory import ALIGNMENT, Host, aligned_zeros
from gpubackprop.algorithm.parameters import Parameters


def address(array):
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
def test_aligned_zeros(size, dtype):
    for _ in range(5):  # the allocator gives each another address
        zeros = aligned_zeros(size, dtype)
        assert zeros.shape == (size,)
        assert zeros.dtype == dtype
        assert not zeros.any()
        assert size == 0 or address(zeros) % ALIGNMENT == 0


def test_several_zeros_lie_apart(dtype):
    sizes = [3, 0, 16, 17, 1]
    several = Host().several(sizes, dtype)
    for number, zeros in enumerate(several, start=1):
        assert not zeros.any()
        assert zeros.size == 0 or address(zeros) % ALIGNMENT == 0
        zeros[...] = number
    assert [zeros.tolist() for zeros in several] == [[n] * s for n, s in enumerate(sizes, 1)]
    assert Host().several([], dtype) == []


@pytest.mark.parametrize("sizes", [(1, 1), (3, 5, 2), (16, 16, 16), (7, 1, 9, 1)])
def test_layout(sizes, dtype):
    net = Parameters.zeros(sizes, dtype)
    parts = [*net.W, *net.b]
    addresses = [address(part) for part in parts]
    ends = [address(part) + part.nbytes for part in parts]
    assert all(a % ALIGNMENT == 0 for a in addresses)
    assert all(end <= start for end, start in zip(ends[:-1], addresses[1:], strict=True))
    assert all(part.base is not None for part in parts)
    assert net.layer_sizes == sizes
    assert net.theta.nbytes - (ends[-1] - addresses[0]) < ALIGNMENT


def test_decayed_ends_where_the_biases_start(dtype):
    net = Parameters.zeros((3, 5, 2), dtype)
    net.theta[: net.decayed] = 1
    assert all((W == 1).all() for W in net.W)
    assert not any(b.any() for b in net.b)


def test_load_and_store(dtype):
    net = Parameters.zeros((3, 5, 2), dtype)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(part.shape) for part in (*net.W, *net.b)]
    arrays[0] = np.asfortranarray(arrays[0])
    net.load(arrays)
    back = [np.full_like(a, np.nan) for a in arrays]
    kept = list(back)
    net.store(back)
    for mine, theirs, same in zip(arrays, back, kept, strict=True):
        np.testing.assert_array_equal(mine.astype(dtype), theirs)
        assert theirs is same


class Apart(Host):
    """Memory apart from the process's, which says what goes to and fro."""

    def __init__(self):
        self.moved = []

    def read(self, array):
        self.moved.append("read")
        return array.copy()

    def draft(self, array):
        return np.zeros(array.shape, array.dtype)

    def write(self, out, values):
        self.moved.append("write")
        out[...] = values


def test_values_are_moved_once_and_in_one_direction(dtype):
    memory = Apart()
    net = Parameters.zeros((3, 5, 2), dtype, memory)
    arrays = [np.full(part.shape, 7, dtype) for part in (*net.W, *net.b)]
    net.load(arrays)
    assert memory.moved == ["write"]
    net.store(arrays)
    assert memory.moved == ["write", "read"]
    assert all((array == 7).all() for array in arrays)


def test_load_refuses_another_number_of_layers(dtype):
    net = Parameters.zeros((3, 5, 2), dtype)
    with pytest.raises(ValueError, match="zip"):
        net.load([np.zeros((3, 5))])


def test_zeros_like_has_the_layout_and_its_own_memory(dtype):
    net = Parameters.zeros((3, 5, 2), dtype)
    net.theta[:] = 1
    other = net.zeros_like()
    assert not other.theta.any()
    assert other.theta.shape == net.theta.shape
    assert other.theta.dtype == net.theta.dtype
    assert not np.shares_memory(other.theta, net.theta)


@pytest.mark.parametrize("size", [1 << 50, 1 << 58])  # more than an address can say
def test_memory_that_is_not_there(size, dtype):
    with pytest.raises(MemoryError, match=r"Unable to allocate .* GiB"):
        aligned_zeros(size, dtype)


def test_a_system_without_huge_pages(monkeypatch):
    class Plain(mmap.mmap):
        def madvise(self, *_):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(mmap, "mmap", Plain)
    assert not aligned_zeros(1 << 20, "float64").any()
