"""Where people look: help, tooltips, completion."""

import re
from inspect import cleandoc, signature
from typing import Any, NamedTuple, get_args

import pytest

from gpubackprop import MLPClassifier, MLPRegressor, guide, names
from gpubackprop.algorithm.optimizers import SOLVERS
from gpubackprop.backends import NAMES, PRECISIONS
from gpubackprop.fitting import solvers
from gpubackprop.fitting.options import formula_names
from gpubackprop.fitting.scikit_learn import contract
from gpubackprop.fitting.scikit_learn.docstrings import merged
from gpubackprop.kernels.formulas import ELEMENTWISE, PAIRINGS
from gpubackprop.network_arguments import ACTIVATION_OF, LOSS_OF
from gpubackprop.training.schedules import SCHEDULES

ESTIMATORS = {
    MLPClassifier: (contract.MLPClassifier, guide.CLASSIFIER),
    MLPRegressor: (contract.MLPRegressor, guide.REGRESSOR),
}


class Entry(NamedTuple):
    """Of a section in numpydoc's form."""

    name: str
    type: str
    text: str


def parsed(docstring: str) -> dict[str, dict[str, Entry]]:
    """Entries of a docstring's sections by name."""
    _, *rest = re.split(r"^(\w[\w ]*)\n-{3,}$", cleandoc(docstring), flags=re.MULTILINE)
    found: dict[str, dict[str, Entry]] = {"Parameters": {}, "Attributes": {}}
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        entries = re.findall(r"^(\w+) : (.+)\n((?:(?:    .*)?\n)*)", f"{body}\n", re.MULTILINE)
        found[title] = {n: Entry(n, kind, text.strip()) for n, kind, text in entries}
    return found


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_help_has_every_parameter_in_the_constructors_order(cls: Any) -> None:
    base, own = ESTIMATORS[cls]
    shown, theirs = parsed(cls.__doc__), parsed(base.__doc__)
    assert list(shown["Parameters"]) == list(signature(cls).parameters)
    ours = parsed(f"Summary.\n\nParameters\n----------\n{own}")["Parameters"]
    for name, entry in shown["Parameters"].items():
        expected = ours.get(name) or theirs["Parameters"][name]
        assert entry == expected, name
        assert entry.text
    assert theirs["Attributes"].keys() < shown["Attributes"].keys()
    assert "history_" in shown["Attributes"]
    assert cls.__doc__.startswith("Multi-layer perceptron")
    assert cls.__doc__.count("Examples\n--------") == 1
    assert "from gpubackprop import" in cls.__doc__


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_help_tells_the_defaults_that_hold(cls: Any) -> None:
    for name, entry in parsed(cls.__doc__)["Parameters"].items():
        told = entry.type.partition("default=")[2]
        assert eval(told) == signature(cls).parameters[name].default, name


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_no_text_is_of_a_parameter_that_nobody_has(cls: Any) -> None:
    _, own = ESTIMATORS[cls]
    other = {MLPClassifier: MLPRegressor, MLPRegressor: MLPClassifier}[cls]
    told = set(parsed(f"Summary.\n\nParameters\n----------\n{own}")["Parameters"])
    assert told <= set(signature(cls).parameters) | set(signature(other).parameters)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_tooltips_tell_every_parameter(cls: Any) -> None:
    model = cls()
    html = model._repr_html_()
    if "param-doc-link" not in html:
        pytest.skip("this scikit-learn has no tooltips")
    assert [n for n in model.get_params() if f"--doc-link-{n};" not in html] == []
    assert f"sklearn.neural_network.{cls.__name__}.html" in html


def test_a_docstring_without_such_sections_is_left_readable() -> None:
    class Base:
        """Another release's words."""

    class Derived(Base):
        """Ours."""

        def __init__(self, a: int = 1, b: int = 2) -> None: ...

    shown = merged(Base, "b : int, default=2\n    Told.", "c_ : int\n    Told, too.")(Derived)
    assert shown.__doc__ is not None
    assert list(parsed(shown.__doc__)["Parameters"]) == ["b"]
    assert shown.__doc__.startswith("Ours.")


def test_without_docstrings_there_is_nothing_to_merge() -> None:
    """`python -OO` strips them."""
    bare, told = type("Bare", (), {}), type("Told", (), {"__doc__": "Told."})
    for base, derived in ((bare, bare), (bare, told), (told, bare)):
        before = derived.__doc__
        assert merged(base, guide.REGRESSOR, guide.ATTRIBUTES)(derived).__doc__ == before


HIDDEN = [name for name, sigma in ACTIVATION_OF.items() if sigma in ELEMENTWISE]
OUTPUTS = [n for n, a in ACTIVATION_OF.items() if any(a in each for each in PAIRINGS.values())]


@pytest.mark.parametrize(
    ("literal", "known"),
    [
        (names.HiddenActivation, formula_names.HIDDEN_NAMES),
        (names.OutputActivation, formula_names.OUTPUT_NAMES),
        (names.ClassifiersLoss, formula_names.CLASSIFIERS_LOSSES),
        (names.RegressorsLoss, formula_names.REGRESSORS_LOSSES),
        (names.Solver, solvers.NAMES),
        (names.NetworkSolver, SOLVERS),
        (names.ScheduleName, SCHEDULES),
        (names.BackendName, NAMES),
        (names.Precision, PRECISIONS),
        (names.NetworkActivation, HIDDEN),
        (names.NetworkOutput, OUTPUTS),
        (names.NetworkLoss, LOSS_OF),
    ],
)
def test_an_editor_completes_the_names_that_are_known(literal: Any, known: Any) -> None:
    values = [v for each in get_args(literal) for v in get_args(each) or (each,)]
    assert sorted(set(values)) == sorted(known)
