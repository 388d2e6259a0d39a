"""Numba still has the private parts that are relied on, and pyproject bounds what may come."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gpubackprop.kernels import numba_contract


def test_the_contract_holds():
    assert numba_contract.violations() == []


def test_the_contract_with_numba_cuda_holds():
    pytest.importorskip("cuda.core")
    assert numba_contract.cuda_violations() == []


def test_a_changed_signature_is_told(monkeypatch):
    def make_array(array_type, context):
        pass

    monkeypatch.setitem(numba_contract.SIGNATURES, make_array, ("array_type",))
    (told,) = numba_contract.violations()
    assert "make_array('array_type', 'context'), expected ('array_type',)" in told


def test_a_lost_flag_is_told(monkeypatch):
    monkeypatch.setattr(numba_contract, "Flags", object)
    assert numba_contract.violations() == ["Flags lacks no_compile"]


@pytest.mark.parametrize("package", ["numba", "llvmlite"])
def test_pyproject_bounds_what_is_relied_on(package):
    root = Path(__file__).parent.parent.parent
    written = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    (required,) = (r for r in map(Requirement, written) if r.name == package)
    assert any(each.operator == "<" for each in required.specifier)
    assert version(package) in required.specifier
