"""Parameters of a subclass whose names are ours: they keep the subclass's meaning."""

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.base import clone

from .agreement import OURS, TASKS, THEIRS, Params, said
from .ways import assert_same, fit


def _device(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, device: Any = "tpu", max_iter: int = 4) -> None:
            super().__init__(max_iter=max_iter, random_state=0)
            self.device = device

    return Model


def _callbacks(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, callbacks: Any = (), max_iter: int = 4) -> None:
            super().__init__(max_iter=max_iter, random_state=0)
            self.callbacks = callbacks

    return Model


def _everything(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, backend: Any = 1, precision: Any = (), checkpoint: Any = "x") -> None:
            super().__init__(max_iter=4, random_state=0)
            self.backend, self.precision, self.checkpoint = backend, precision, checkpoint

    return Model


def _methods(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, max_iter: int = 4) -> None:
            super().__init__(max_iter=max_iter, random_state=0)

        @property
        def device(self) -> str:
            return "the second shelf"

        def callbacks(self) -> int:
            return 3

    return Model


def _never(*_: Any) -> None:
    raise AssertionError("this callback is the subclass's own")


OF_THEIR_OWN: list[tuple[Callable[[Any], Any], Params]] = [
    (_device, {}),
    (_device, {"device": 3}),
    (_device, {"device": "cuda"}),
    (_callbacks, {}),
    (_callbacks, {"callbacks": {"on_epoch_end": print}}),
    (_callbacks, {"callbacks": [_never]}),
    (_everything, {}),
    (_methods, {}),
]


@pytest.mark.parametrize(("subclass", "params"), OF_THEIR_OWN)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_parameter_of_the_subclasss_own_meaning(
    subclass: Any, params: Params, solver: str
) -> None:
    task = TASKS["multiclass"]
    ours, theirs = (subclass(package.MLPClassifier)(**params) for package in (OURS, THEIRS))
    for model in (ours, theirs):
        model.solver = solver
        fit(model, task.X, task.y)
        said(clone(model).fit, task.X, task.y)
    assert_same(ours, theirs)
    assert {name: getattr(ours, name) for name in params} == params
    if subclass is _methods:
        assert (ours.device, ours.callbacks()) == ("the second shelf", 3)


def test_a_parameter_that_is_passed_on_keeps_our_meaning() -> None:
    class Model(OURS.MLPClassifier):  # type: ignore[misc]
        def __init__(self, device: str = "auto", callbacks: Any = None, extra: int = 0) -> None:
            super().__init__(device=device, callbacks=callbacks, max_iter=2, random_state=0)
            self.extra = extra

    task, seen = TASKS["multiclass"], []
    said(Model(callbacks=[lambda model, record: seen.append(record.epoch)]).fit, task.X, task.y)
    assert seen == [1, 2]
    with pytest.raises(ValueError, match="device"):
        Model(device="tpu").fit(task.X, task.y)


def test_keyword_arguments_passed_on_keep_our_meaning() -> None:
    class Model(OURS.MLPClassifier):  # type: ignore[misc]
        def __init__(self, **params: Any) -> None:
            super().__init__(**params)

        @classmethod
        def _get_param_names(cls) -> list[str]:
            return list(OURS.MLPClassifier._get_param_names())

    with pytest.raises(ValueError, match="device"):
        Model(device="tpu").fit(TASKS["multiclass"].X, TASKS["multiclass"].y)
