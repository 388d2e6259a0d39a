"""Labels are checked and numbered as scikit-learn's estimator does it, in fewer steps."""

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from sklearn.preprocessing import LabelBinarizer

import gpubackprop as ours
from gpubackprop.fitting import labels
from gpubackprop.fitting.labels import MAX_CLASSES
from gpubackprop.fitting.scikit_learn.contract import mlp

N = 60
NUMBERS = np.arange(N) % 3
LABELS = {
    "three": NUMBERS,
    "of one byte": NUMBERS.astype(np.int8) - 1,
    "unsigned": NUMBERS.astype(np.uint64) + 2**63,
    "two": np.where(NUMBERS == 0, 7, -7),
    "one": np.full(N, 5),
    "booleans": NUMBERS > 0,
    "words": np.array(["a", "longer", "b"])[NUMBERS],
    "words with room to spare": np.array(["a", "b", "c"], dtype="U9")[NUMBERS],
    "of the other byte order": NUMBERS.astype(np.dtype(np.int32).newbyteorder()),
    "floats": NUMBERS.astype(np.float64),
    "objects": np.array(["a", "longer", "b"], dtype=object)[NUMBERS],
    "a list": NUMBERS.tolist(),
    "a column": NUMBERS[:, None],
    "indicators": np.eye(3, dtype=int)[NUMBERS],
    "backwards": NUMBERS[::-1],
    "many": np.arange(N) % (MAX_CLASSES + 1),
}


def rows(n: int = N) -> Any:
    return np.random.default_rng(0).standard_normal((n, 4))


def validated(package: Any, y: Any, before: Any, *, incremental: bool, warm: bool) -> Any:
    """What a fit would train on, or how it is refused; before it, the model saw other labels."""
    model = package.MLPClassifier(hidden_layer_sizes=(3,), max_iter=1, warm_start=warm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if before is not None:
            model.fit(rows(), before)
        try:
            X, Y = model._validate_input(rows(len(y)), y, incremental, not incremental)
        except ValueError as error:
            return str(error)
    return X, Y, model.classes_, vars(model._label_binarizer)


def assert_same(mine: Any, expected: Any) -> None:
    if isinstance(expected, str):
        assert mine == expected
        return
    for got, wanted in zip(mine[:3], expected[:3], strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_equal(mine[3], expected[3])


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_the_targets_of_a_fit_are_scikit_learns(y: Any, warm: bool, again: bool) -> None:
    before = y if again else None
    how: dict[str, bool] = {"incremental": False, "warm": warm}
    assert_same(validated(ours, y, before, **how), validated(theirs, y, before, **how))


@pytest.mark.parametrize(("incremental", "warm"), [(True, False), (False, True)])
@pytest.mark.parametrize("before", ["three", "two", "one", "words", "booleans", "indicators"])
@pytest.mark.parametrize(
    "y",
    [
        *([0, 1, 2, 1], [1], [0, 2], [3, 0], [7], [-7, 7], [5, 5], [True, False]),
        *(["a"], ["b", "longer"], ["c"], [1.0, 0.0]),
    ],
    ids=str,
)
def test_labels_of_a_chunk_are_taken_or_refused_as_by_scikit_learn(
    before: str, y: Any, incremental: bool, warm: bool
) -> None:
    how = {"incremental": incremental, "warm": warm}
    expected = validated(theirs, np.array(y), LABELS[before], **how)
    assert_same(validated(ours, np.array(y), LABELS[before], **how), expected)


def test_classes_that_a_stream_announces_hold_for_its_chunks() -> None:
    models = [package.MLPClassifier(random_state=0) for package in (theirs, ours)]
    for chunk in ([0, 0], [3, 1], [2, 2]):
        for model in models:
            model.partial_fit(rows(2), np.array(chunk), classes=[0, 1, 2, 3])
        expected, mine = models
        np.testing.assert_array_equal(mine.classes_, expected.classes_)
        np.testing.assert_allclose(mine.coefs_[-1], expected.coefs_[-1], rtol=1e-6)


def test_a_stream_goes_on_after_classes_that_were_refused_as_with_scikit_learn() -> None:
    said = []
    for package in (theirs, ours):
        model = package.MLPClassifier()
        with pytest.raises(ValueError, match="0 samples"):
            model.partial_fit(rows(0), np.array([], dtype=int), classes=np.array([], dtype=int))
        with pytest.raises(ValueError, match="has classes not in") as refused:
            model.partial_fit(rows(), NUMBERS)
        said.append(str(refused.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("flaw", [np.nan, np.inf])
def test_a_refusal_leaves_no_classes(flaw: float) -> None:
    X = rows()
    X[1, 2] = flaw
    model = ours.MLPClassifier()
    with pytest.raises(ValueError, match="contains"):
        model.fit(X, NUMBERS)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_who_learns_from_sparse_targets_predicts_them(early_stopping: bool) -> None:
    y = scipy.sparse.csr_array(LABELS["indicators"])
    how = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
    mine, other = (p.MLPClassifier(**how, early_stopping=early_stopping) for p in (ours, theirs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted, expected = (model.fit(rows(), y).predict(rows()) for model in (mine, other))
    assert type(predicted) is type(expected)
    assert (predicted != expected).nnz == 0
    assert mine.validation_scores_ == other.validation_scores_


@pytest.mark.parametrize("y", [NUMBERS, LABELS["words"]], ids=["numbers", "words"])
def test_plain_labels_are_not_checked_again_and_again(
    monkeypatch: pytest.MonkeyPatch, y: Any
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("scikit-learn's checks of labels")

    monkeypatch.setattr(LabelBinarizer, "transform", refuse)
    model = ours.MLPClassifier(max_iter=1, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows(), y).fit(rows(), y).partial_fit(rows(), y)
    assert len(model.loss_curve_) == 3


def test_a_binarizer_of_the_users_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(LabelBinarizer):  # type: ignore[misc]
        def inverse_transform(self, Y: Any, threshold: Any = None) -> Any:
            return np.full(len(Y), 7)

    monkeypatch.setattr(mlp, "LabelBinarizer", Own)
    settings = {"early_stopping": True, "tol": 1e9, "n_iter_no_change": 1, "random_state": 0}
    model = ours.MLPClassifier(**settings).fit(rows(), NUMBERS)
    assert type(model._label_binarizer) is Own
    assert set(model.predict(rows())) == {7}
    assert set(model.validation_scores_) == {1.0}  # its labels are decoded as well


def test_a_subclass_that_checks_by_itself_is_left_alone() -> None:
    class Own(ours.MLPClassifier):
        def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
            return X, np.eye(3, dtype=bool)[y]

    class Below(Own):
        pass

    model = Below(max_iter=1)
    assert (
        labels.validate_input(model, lambda *_: "theirs", rows(), NUMBERS, False, True) == "theirs"
    )
