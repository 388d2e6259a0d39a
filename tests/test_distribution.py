"""The package however it is installed: wheel, source distribution, editable, bare checkout."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from gpubackprop.kernels import build
from gpubackprop.kernels.native.targets import levels, own_target

ROOT = Path(__file__).parent.parent
USE = "from gpubackprop import Network, bench, kernels; net = Network((2, 1), backend='reference')"
FOUND = "import gpubackprop; print(gpubackprop.__file__); print(kernels.__file__, bench.__file__)"
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


def python(*arguments, folder, **named):
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,  # a wheel takes a quarter of a minute on an idle core
        check=False,
        **named,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def built(kind, source, into, **named):
    """Build with setuptools as pip would, without its isolation; returns the file."""
    into.mkdir()
    code = (
        "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
    )
    python("-c", code, f"build_{kind}", str(into), folder=source, **named)
    (file,) = into.iterdir()
    return file


def used(site_packages, folder):
    """Use the package in an interpreter with these site-packages; returns the files it found."""
    return [Path(line) for line in run_inside(site_packages, f"{USE}; {FOUND}", folder).split()]


def run_inside(site_packages, code, folder, **named):
    """Run code in an interpreter with these site-packages, and those that we depend on."""
    # The .pth files of our own site-packages are not read: they lead to an editable installation.
    dependencies = [path for path in sys.path if path.endswith("-packages")]
    paths = f"site.addsitedir({str(site_packages)!r}); sys.path += {dependencies!r}"
    code = f"import site, sys; {paths}\n{code}"
    return python("-S", "-P", "-c", code, folder=folder, **named)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What is under version control, links as links, for builds leave files behind."""
    copy = tmp_path_factory.mktemp("checkout") / "gpubackprop"
    kept_out = shutil.ignore_patterns(
        ".*cache", ".git", "*.egg-info", "build", "dist", "__pycache__"
    )
    shutil.copytree(ROOT, copy, symlinks=True, ignore=kept_out)
    return copy


@pytest.fixture(scope="module")
def unpacked(checkout, tmp_path_factory):
    """The source distribution's folder."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built("sdist", checkout, folder / "sdist")) as archive:
        archive.extractall(folder, filter="data")
    (found,) = (path for path in folder.iterdir() if path.name != "sdist")
    return found


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    """The wheel that the source distribution makes where Numba cannot be imported."""
    folder = tmp_path_factory.mktemp("wheels")
    (folder / "numba.py").write_text("raise ImportError('Numba needs an older NumPy')")
    broken = {**os.environ, "PYTHONPATH": str(folder)}
    return built("wheel", unpacked, folder / "wheel", env=broken)


def sources(folder):
    """Modules of a checkout's package, through its links; micro-benchmarks are pytest's."""
    names = (path.relative_to(folder).as_posix() for path in links_followed(folder / "gpubackprop"))
    return sorted(name for name in names if "bench/micro/" not in name)


def links_followed(folder):
    for path in folder.iterdir():
        if path.is_dir():
            yield from links_followed(path)
        elif path.suffix == ".py" or path.name == "py.typed":
            yield path


def contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    return sorted(name for name in names if ".dist-info/" not in name)


def test_the_wheel_of_a_source_distribution_has_every_module_once(wheel):
    assert contents(wheel) == sources(ROOT)


def test_a_wheel_works_where_no_checkout_is(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    found = used(tmp_path / "site", tmp_path)
    assert {path.parts[: len(tmp_path.parts) + 1] for path in found} == {(tmp_path / "site").parts}


TRAIN = """
import hashlib
import numpy as np
from gpubackprop import MLPClassifier
from gpubackprop.kernels.native import launch, shipped
X, y = np.sin(np.arange(600.0)).reshape(60, 10), np.arange(60) % 3
weights = hashlib.sha256()
for dtype in ("float32", "float64"):
    model = MLPClassifier((8,), tol=1e9, n_iter_no_change=2, random_state=0, batch_size=16)
    for W in model.fit(X.astype(dtype), y).coefs_:
        weights.update(W)
print(shipped.is_used(), weights.hexdigest(), *launch.compiled_kernels())
"""
ALL_KERNELS = """
from itertools import product
from gpubackprop import MLPRegressor, Network
from gpubackprop.kernels.formulas import ACTIVATIONS, ELEMENTWISE, LOSSES, Loss
for dtype, (loss, facts) in product(("float32", "float64"), LOSSES.items()):
    for hidden, output in product(ELEMENTWISE, () if loss is Loss.POISSON else facts.outputs):
        names = (ACTIVATIONS[hidden].name, ACTIVATIONS[output].name, facts.name)
        net = Network((10, 4, 3), *names, dtype=dtype)
        net.backward(net.forward(X[0]), [0.0, 1.0, 0.0])
once = {"max_iter": 1, "tol": 1e9, "n_iter_no_change": 1}
losses = ("squared_error", "poisson")
for dtype, solver, loss in product(("float32", "float64"), ("sgd", "adam", "lbfgs"), losses):
    model = MLPRegressor(loss, (4,), "gelu", solver=solver, **once)
    model.fit(X.astype(dtype), abs(X[:, :2]), sample_weight=X[:, 3] + 2)
print(*launch.compiled_kernels())
"""
QUIETLY = "import warnings; warnings.simplefilter('ignore')\n"
NO_COMPILER = "sys.modules['numba'] = None\n"
EVERY = "KERNELS = tuple(every_kernel())"


def test_machine_code_comes_with_a_wheel(checkout, tmp_path):
    """It trains as what a checkout compiles does, bit for bit; only what it needs is built."""
    is_used, weights, *kernels = python("-c", TRAIN, folder=checkout).split()
    assert is_used == "False"
    builder = checkout / "kernels" / "build.py"
    whole = builder.read_text()
    few = f"(each for each in every_kernel() if each[0].name(each[1]) in {kernels})"
    builder.write_text(whole.replace(EVERY, EVERY.replace("every_kernel()", few)))
    assert builder.read_text() != whole
    try:
        wheel = built("wheel", checkout, tmp_path / "wheel")
    finally:
        builder.write_text(whole)
    assert re.search(r"-py3-none-(?!any)\w+\.whl$", wheel.name)
    code = [f"gpubackprop/kernels/native/{level.cpu}.kernels" for level in levels()]
    assert contents(wheel) == sorted([*sources(ROOT), *code])
    if own_target() not in levels():
        pytest.skip("wheels have no code for this processor")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    empty = {**os.environ, "GPUBACKPROP_CACHE_DIR": str(tmp_path / "cache")}
    found = run_inside(tmp_path / "site", f"{QUIETLY}{NO_COMPILER}{TRAIN}", tmp_path, env=empty)
    assert found.split()[:2] == ["True", weights]
    assert not (tmp_path / "cache").exists()


def test_all_kernels_that_are_called_are_built(checkout):
    called = python("-c", f"{QUIETLY}{TRAIN}{ALL_KERNELS}", folder=checkout).splitlines()[-1]
    assert len(called.split()) > 80
    assert set(called.split()) <= {kernel.name(real) for kernel, real in build.KERNELS}


def test_an_editable_installation_works(checkout, tmp_path):
    with zipfile.ZipFile(built("editable", checkout, tmp_path / "wheel")) as archive:
        archive.extractall(tmp_path / "site")
    for path in used(tmp_path / "site", tmp_path):
        assert path.is_relative_to(checkout)


def test_a_checkout_works_as_it_stands(checkout):
    for line in python("-c", f"{USE}; {FOUND}", folder=checkout).split():
        assert Path(line).is_relative_to(checkout)


def test_links_of_the_readme_work_in_the_source_distribution(unpacked):
    links = LINK.findall((unpacked / "README.md").read_text("utf-8"))
    relative = {link for link in links if not link.startswith("http")}
    assert len(relative) > 3
    assert [link for link in relative if not (unpacked / link).is_file()] == []


def test_an_index_shows_no_link_that_is_broken_there(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
    metadata = archive.read(name).decode()
    assert "Description-Content-Type: text/markdown" in metadata
    assert "# gpubackprop\n" in metadata
    assert "the results" in metadata
    assert [link for link in LINK.findall(metadata) if not link.startswith("https:")] == []
