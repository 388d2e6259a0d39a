"""Who looks at a model while it trains sees the weights of the epoch."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

from .agreement import OURS, TASKS, THEIRS
from .ways import BASE, each_with_ways, fit, trained_twins


def _records_curve(base: Any) -> Any:
    class Curve(list[Any]):
        def __init__(self, model: Any) -> None:
            self.model, self.seen = model, list[Any]()

        def append(self, loss: Any) -> None:
            super().append(loss)
            self.seen.append(self.model.coefs_[0].copy())

    class Model(base):  # type: ignore[misc]
        def _initialize(self, *arguments: Any) -> None:
            super()._initialize(*arguments)
            self.loss_curve_ = Curve(self)

        @property
        def seen(self) -> list[Any]:
            return list(self.loss_curve_.seen)

    return Model


def _records_property(name: str) -> Callable[[Any], Any]:
    def subclass(base: Any) -> Any:
        def read(self: Any) -> Any:
            return vars(self)[name]

        def write(self: Any, value: Any) -> None:
            vars(self)[name] = value
            if hasattr(self, "coefs_"):
                vars(self).setdefault("seen", []).append(self.coefs_[0].copy())

        return type("Model", (base,), {name: property(read, write)})

    return subclass


def _records_attributes(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "n_iter_" and hasattr(self, "coefs_"):
                vars(self).setdefault("seen", []).append(self.coefs_[0].copy())

    return Model


def _records_epochs(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _update_no_improvement_count(self, *arguments: Any) -> None:
            super()._update_no_improvement_count(*arguments)
            vars(self).setdefault("seen", []).append(self.coefs_[0].copy())

    return Model


LOOKERS = {
    "loss_curve_": _records_curve,
    "n_iter_": _records_property("n_iter_"),
    "loss_": _records_property("loss_"),
    "_no_improvement_count": _records_property("_no_improvement_count"),
    "t_": _records_property("t_"),
    "__setattr__": _records_attributes,
    "_update_no_improvement_count": _records_epochs,
}


@each_with_ways("name", dict.fromkeys(LOOKERS, "adam early_stopping partial_fit"))
def test_who_looks_sees_the_weights_of_the_epoch(name: str, way: str) -> None:
    ours, theirs = trained_twins("multiclass", way, LOOKERS[name])
    assert len(ours.seen) == len(theirs.seen) >= 3
    for mine, expected in zip(ours.seen, theirs.seen, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-8)


def test_who_reads_what_is_printed_sees_the_weights_of_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen, seen = TASKS["regression"], []
    for package in (OURS, THEIRS):
        model = package.MLPRegressor(**BASE, verbose=True)

        def write(text: str, model: Any = model) -> int:
            if text.startswith("Iteration"):
                seen.append(model.coefs_[0].copy())
            return len(text)

        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", mock.Mock(write=write))
            fit(model, chosen.X, chosen.y)
    for mine, expected in zip(seen[:4], seen[4:], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-8)
