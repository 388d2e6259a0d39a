"""What is relied on of scikit-learn is written down, and an unknown release does it all itself."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sklearn.neural_network import _multilayer_perceptron

from gpubackprop.fitting.scikit_learn import contract

from .agreement import OURS, THEIRS


def test_it_holds_with_the_installed_scikit_learn() -> None:
    assert contract.violations() == []


def test_it_notices_a_changed_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    def iteration_ends(self: Any, time_step: int, batches: int) -> None: ...

    monkeypatch.setattr(contract.AdamOptimizer, "iteration_ends", iteration_ends)
    changed = {(contract.AdamOptimizer, "iteration_ends"): ("self", "time_step")}
    monkeypatch.setattr(contract, "SIGNATURES", changed)
    (violation,) = contract.violations()
    assert "iteration_ends" in violation
    assert "batches" in violation


def test_it_notices_a_missing_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(contract.BaseMultilayerPerceptron, "_fit_lbfgs")
    (violation,) = contract.violations()
    assert violation.startswith("BaseMultilayerPerceptron._fit_lbfgs is missing")


@pytest.mark.parametrize("version", ["1.6.1", "1.10.dev0", "2.0"])
def test_it_notices_another_release(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.__version__", version)
    (violation,) = contract.violations()
    assert violation == f"version {version}, expected 1.7 or 1.8 or 1.9"


def test_releases_are_those_that_can_be_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    needed = project["project"]["dependencies"]
    (bounds,) = (each for each in needed if each.startswith("scikit-learn"))
    minors = [int(version.split(".")[1]) for version in contract.VERSIONS]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert f"<1.{minors[-1] + 1}" in bounds
    assert f">=1.{minors[0]}." in bounds


CHANGES = {
    "one method for another": """
Base._gradients = Base._backprop
Base._loss_grad_lbfgs.__code__ = Base._loss_grad_lbfgs.__code__.replace(
    co_names=tuple("_gradients" if n == "_backprop" else n
                   for n in Base._loss_grad_lbfgs.__code__.co_names))
Base._fit_stochastic.__code__ = Base._fit_stochastic.__code__.replace(
    co_names=tuple("_gradients" if n == "_backprop" else n
                   for n in Base._fit_stochastic.__code__.co_names))
del Base._backprop
""",
    "a method's parameters": """
own_fit = Base._fit
def _fit(self, X, y, sample_weight=None, incremental=False, callbacks=None):
    return own_fit(self, X, y, sample_weight, incremental)
Base._fit = _fit
""",
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_unknown_scikit_learn_does_it_all(change: str) -> None:
    """In a process of its own: scikit-learn is changed before it is built upon."""
    script = f"""
import warnings
import sklearn
import sklearn.neural_network as theirs
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron as Base
{CHANGES[change]}
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import gpubackprop as ours
    ours.MLPClassifier, ours.MLPRegressor
    X = np.random.RandomState(0).randn(1200, 3)
    y = X[:, 0] > 0
    for solver in ("adam", "lbfgs"):
        params = dict(random_state=0, max_iter=3, solver=solver)
        models = [p.MLPClassifier(**params) for p in (ours, theirs)]
        for model in models:
            model.fit(X, y)
            if solver == "adam":
                model.partial_fit(X, y)
        mine, expected = models
        assert all((a == b).all() for a, b in zip(mine.coefs_, expected.coefs_, strict=True))
        assert (mine.predict_proba(X) == expected.predict_proba(X)).all()
    assert ours.MLPRegressor(random_state=0).fit(X, X[:, 0]).predict(X).shape == (1200,)
for each in caught:
    if each.category is UserWarning:
        print(each.message)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    (warning,) = run.stdout.splitlines()
    assert warning.startswith("scikit-learn is not one that gpubackprop knows")


def test_it_notices_a_missing_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contract.ATTRIBUTES, contract.SGDOptimizer, ("velocities", "speeds"))
    assert contract.violations() == ["SGDOptimizer lacks speeds"]


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_it_covers_all_that_is_overridden(name: str) -> None:
    ours, theirs = getattr(OURS, name), getattr(THEIRS, name)
    named = {method for _, method in contract.SIGNATURES}
    mixins = ours.__mro__[1 : ours.__mro__.index(theirs)]
    replaced = {name for m in mixins for name in vars(m) if callable(getattr(m, name))}
    assert {name for name in replaced if hasattr(theirs, name) and "__" not in name} <= named


def test_every_method_of_the_base_is_accounted_for() -> None:
    own = {
        name for name, value in vars(contract.BaseMultilayerPerceptron).items() if callable(value)
    }
    relied = {
        name
        for reliance in (
            contract.WHOLE_FIT,
            contract.TRAINING,
            contract.FULL_BATCH,
            contract.PREDICTION,
        )
        for name in reliance.methods
    }
    named = relied | set(contract.CALLED)
    assert {name for name in own if "__" not in name} - named == set()


@pytest.mark.parametrize(
    ("reliance", "methods"),
    [
        ("WHOLE_FIT", ["_fit"]),
        ("TRAINING", ["_fit_stochastic", "_backprop", "_forward_pass", "_compute_loss_grad"]),
        ("FULL_BATCH", ["_backprop", "_forward_pass", "_compute_loss_grad"]),
        ("PREDICTION", ["_forward_pass_fast"]),
    ],
)
def test_every_name_that_replaced_code_looks_up_is_relied_on(
    reliance: str, methods: list[str]
) -> None:
    used = {
        name
        for method in methods
        for name in getattr(contract.BaseMultilayerPerceptron, method).__code__.co_names
        if name in vars(_multilayer_perceptron)
    }
    named = getattr(contract, reliance).names
    tables = {"ACTIVATIONS", "DERIVATIVES", "LOSS_FUNCTIONS", "_STOCHASTIC_SOLVERS"}
    harmless = {"np", "warnings", "ConvergenceWarning", "is_classifier", "pairwise", "chain"}
    assert used - tables - harmless == set(named)
