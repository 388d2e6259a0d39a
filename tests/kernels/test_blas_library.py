"""Another BLAS for the compiled backend's products: found by name or path, tried, or refused."""

import os
import re
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn import _isotonic
from sklearn.exceptions import ConvergenceWarning

from gpubackprop import MLPClassifier
from gpubackprop.kernels import blas_library
from gpubackprop.kernels.native import store

WITH_ANOTHER = """
import ctypes, sys
sys.path.append({tests!r})
from test_blas_library import fitted
from gpubackprop.backends import environment, threads
from gpubackprop.kernels import blas
model = fitted()
with threads.single_threaded_blas():
    held = {{pool.filepath: pool.num_threads for pool in threads._pools()}}
slots = blas.gemm_block(*[model.coefs_[2]] * 3)
routine = ctypes.cast(ctypes.CDLL({named!r}).scipy_dgemm_64_, ctypes.c_void_p).value
file = environment.blas()["file"]
print(file, held[file], slots[0] == routine, *model.loss_curve_, sep="|")
"""


def fitted():
    """A small model, on every BLAS the same to rounding."""
    X = np.random.default_rng(0).standard_normal((300, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier((8, 1), max_iter=5, random_state=0).fit(X, X[:, 0] > 0)


def _open_blas(package):
    """The OpenBLAS in a wheel of NumPy, which counts in 64 bits, or of SciPy, in 32."""
    folder = Path(pytest.importorskip(package).__file__).parent.with_suffix(".libs")
    found = sorted(folder.glob("lib*openblas*"))
    if not found:
        pytest.skip(f"{package} brings no OpenBLAS of its own")
    return found[0]


def test_a_fit_multiplies_with_the_library_that_is_named(run_python, tmp_path):
    named = shutil.copy(_open_blas("numpy"), tmp_path)  # not what NumPy has loaded already
    code = WITH_ANOTHER.format(tests=str(Path(__file__).parent), named=named)
    kept = str(store.directory())
    file, *rest = run_python(code, GPUBACKPROP_BLAS=named, GPUBACKPROP_CACHE_DIR=kept).split("|")
    assert os.path.samefile(file, named)
    assert rest[:2] == ["1", "True"]
    np.testing.assert_allclose(np.array(rest[2:], float), fitted().loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("package", ["numpy", "scipy"])
def test_a_routine_is_found_whatever_its_suffix(package):
    found = blas_library._load(str(_open_blas(package)))
    assert {np.dtype("f4"), np.dtype("f8")} == set(found.routines)
    assert len(set(found.routines.values())) == 2


def test_mkl_is_looked_for_where_it_is_installed(monkeypatch, tmp_path):
    home = tmp_path / "environment"
    monkeypatch.setattr(sys, "prefix", str(home))
    (home / "lib").mkdir(parents=True)
    for version in ("2", "3"):
        (home / "lib" / f"libmkl_rt.so.{version}").symlink_to(_open_blas("scipy"))
    assert blas_library._load("MKL").file == str(home / "lib" / "libmkl_rt.so.3")


def test_what_is_no_blas_is_refused(monkeypatch, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no library")
    monkeypatch.setattr(blas_library, "_folders", lambda: [tmp_path])
    for named, reason in (
        ("mkl", f"no lib/libmkl_rt.so* in {tmp_path}"),
        (str(text), "invalid ELF header|file too short|not a mach-o"),
        (str(tmp_path / "gone.so"), "gone.so"),
        ("~nobody who is known/libblas.so", "home directory"),
        (_isotonic.__file__, "has no sgemm_"),
    ):
        monkeypatch.setenv("GPUBACKPROP_BLAS", named)
        right = "it takes 'mkl', .* or the path of a BLAS library"
        pattern = f"GPUBACKPROP_BLAS={re.escape(named)}: .*({reason}).*{right}"
        with pytest.raises(ValueError, match=pattern.replace("so*", r"so\*")):
            blas_library.library.__wrapped__()


def test_a_wrong_product_is_refused(monkeypatch):
    """The routine of single precision is asked for doubles."""
    monkeypatch.setitem(blas_library._ROUTINES, np.dtype("f8"), "sgemm")
    with pytest.raises(ValueError, match="computes a wrong product"):
        blas_library._load(str(_open_blas("scipy")))
