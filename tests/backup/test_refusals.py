"""What a backup is not made of, and what is not gone on from; nothing is overwritten."""

import json
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpubackprop import Backup
from gpubackprop.fitting.backup import container, facts
from gpubackprop.fitting.backup.callback import FILE
from tests.fitting.agreement import TASKS, WEIGHTS, ours_for

from .fits import BASE, data, fit, fitted, model

CASE = "early stopping"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The backup of a fit that was cut off after four epochs."""
    fit(CASE, tmp_path, cut=5)
    return tmp_path / FILE


def refused(saved: Path, words: str, X: Any, y: Any, weight: Any = WEIGHTS, **params: Any) -> None:
    """Check that a fit is refused in these words, and the file left alone."""
    before = saved.read_bytes()
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        model(CASE, saved.parent, **params).fit(X, y, sample_weight=weight)
    assert str(saved) in str(raised.value)
    assert saved.read_bytes() == before


# another fit


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("alpha", 0.1, "alpha was 0.0001 and is 0.1"),
        ("hidden_layer_sizes", (6,), "hidden_layer_sizes was (6, 4) and is (6)"),
        ("random_state", 1, "random_state was 0 and is 1"),
        ("early_stopping", False, "early_stopping was True and is False"),
        ("precision", "float32", "precision was 'auto' and is 'float32'"),
    ],
)
def test_other_parameters(name: str, value: Any, words: str, saved: Path) -> None:
    refused(saved, words, *data(CASE), **{name: value})


def test_other_rows_to_validate_with(saved: Path) -> None:
    X, y = data(CASE)
    before = saved.read_bytes()
    with pytest.raises(ValueError, match="X_val was not set and is of shape"):
        model(CASE, saved.parent).fit(X, y, sample_weight=WEIGHTS, X_val=X, y_val=y)
    assert saved.read_bytes() == before


def test_other_data(saved: Path) -> None:
    X, y = data(CASE)
    one_bit = X.copy()
    one_bit[40, 3] = np.nextafter(one_bit[40, 3], 9)
    refused(saved, "X was of shape (61, 5), type float64 and checksum", one_bit, y)
    refused(saved, "X was of shape (61, 5)", X[:, :4], y)
    refused(saved, "y was of shape", X, np.roll(y, 1))
    refused(saved, "classes_ was [0, 1] and is ['no', 'yes']", X, np.where(y, "yes", "no"))
    refused(saved, "sample_weight was of shape", X, y, None)
    refused(saved, "sample_weight was of shape", X, y, WEIGHTS[::-1])


def test_another_version(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "__version__", "0.0.9")
    refused(saved, "gpubackprop was 0.2.0 and is 0.0.9".replace("0.2.0", _version()), *data(CASE))


def _version() -> str:
    from gpubackprop import __version__

    return __version__


def test_another_call_of_a_warm_start(saved: Path) -> None:
    X, y = data(CASE)
    warm = fitted(model(CASE, max_iter=2, warm_start=True), X, y, sample_weight=WEIGHTS)
    warm.set_params(callbacks=Backup(saved.parent))
    with pytest.raises(ValueError, match="examples seen before fit was 0 and is 84"):
        warm.fit(X, y, sample_weight=WEIGHTS)


def test_of_large_data_every_nth_row_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_WHOLE_BYTES", 1000)
    monkeypatch.setattr(facts, "_MOST_ROWS", 10)
    X = np.zeros((61, 5))
    before = facts._data(X)
    X[1] = 1
    assert facts._data(X) == before
    X[6] = 1
    assert facts._data(X) != before


# what no backup is made of


def test_lbfgs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="solver='lbfgs' has no epochs"):
        fit("adam", tmp_path, solver="lbfgs")


def test_partial_fit(tmp_path: Path) -> None:
    estimator = ours_for(TASKS["regression"], **BASE, callbacks=Backup(tmp_path))
    with pytest.raises(ValueError, match="partial_fit makes no backup, it is a single epoch"):
        estimator.partial_fit(TASKS["regression"].X, TASKS["regression"].y)


def test_two_backups(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one Backup at the most, got 2"):
        fit("adam", callbacks=[Backup(tmp_path / "a"), Backup(tmp_path / "b")])


def test_two_fits_in_one_folder(tmp_path: Path) -> None:
    def fit_as_well(estimator: Any, record: Any) -> None:
        fit("adam", tmp_path)

    with pytest.raises(ValueError, match="is in use by another fit"):
        fit("adam", callbacks=[fit_as_well, Backup(tmp_path)])
    fit("adam", tmp_path)


def test_random_numbers_of_another_kind(tmp_path: Path) -> None:
    other = np.random.RandomState(np.random.PCG64(0))
    with pytest.raises(ValueError, match="random_state draws from PCG64"):
        fit("adam", tmp_path, random_state=other)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((3,), TypeError, "path must be the path of a folder, got 3"),
        (("",), TypeError, "path must be the path of a folder, got ''"),
        (("a", "often"), TypeError, "every must be a number of seconds, got 'often'"),
        (("a", True), TypeError, "every must be a number of seconds, got True"),
        (("a", -1), ValueError, "every must be 0 or more seconds, got -1"),
        (("a", np.nan), ValueError, "every must be 0 or more seconds, got nan"),
    ],
)
def test_bad_arguments(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Backup(*arguments)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="the folder cannot be made"):
        fit("adam", tmp_path / "file")


# what is no backup


def test_damage(saved: Path) -> None:
    whole = saved.read_bytes()
    flipped = bytearray(whole)
    flipped[-9] ^= 1
    for content, words in [
        (whole[:-8], "damaged or cut short"),
        (bytes(flipped), "damaged or cut short"),
        (b"gpubackprop backup 2" + whole[20:], "no backup that this version"),
        (b"", "no backup that this version"),
    ]:
        saved.write_bytes(content)
        refused(saved, words, *data(CASE))


def test_the_file_of_another_user(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved.chmod(0o620)
    refused(saved, "other users may write it", *data(CASE))
    saved.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: saved.stat().st_uid + 1)
    refused(saved, "it belongs to user", *data(CASE))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE, 0o600)
    with pytest.raises(ValueError, match="it is not an ordinary file"):
        fit("adam", tmp_path)


def test_a_file_that_is_too_large(saved: Path) -> None:
    os.truncate(saved, container.LARGEST_DESCRIPTION + (1 << 20))
    with pytest.raises(ValueError, match="more than the"):
        fit(CASE, saved.parent)


def test_only_the_owner_may_read_it(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600


def forged(saved: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Write a container again, with a right checksum, after a change."""
    description, arrays = container.read(saved, 1 << 20)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(description, arrays)
    container.write(saved, description, arrays)


def _set(part: str, key: Any, value: Any) -> Callable[..., None]:
    def change(description: dict[str, Any], arrays: dict[str, Any]) -> None:
        (arrays if part == "arrays" else description[part])[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("generator", 1, 625), "state is out of range"),
        (_set("generator", 1, -1), "state is out of range"),
        (_set("generator", 0, [2**32] * 624), "state is out of range"),
        (_set("start", 0, [1] * 623), "state is out of range"),
        (_set("start", 3, "0"), "made of numbers"),
        (_set("arrays", "order", np.full(42, 41, np.uint8)), "order of the rows"),
        (_set("arrays", "order", np.arange(43, dtype=np.uint8)), "order of the rows"),
        (_set("arrays", "order", np.arange(1, 43, dtype=np.uint8)), "order of the rows"),
        (_set("arrays", "engine 0", np.zeros(3)), "expected"),
        (_set("arrays", "best 0", np.zeros((5, 6), np.int64)), "expected"),
        (_set("history", "n_iter_", "many"), "n_iter_ is"),
        (_set("history", "loss_curve_", ["low"]), "other things than numbers"),
        (_set("history", "loss_", {"object": 3}), "is not a number"),
        (_set("records", 2, [1, "low", None, 0.1]), "its record of an epoch is"),
        (_set("optimizer", "update_params", 3), "values of update_params"),
        (_set("parameters", "coefs_", 3), "values of coefs_"),
        (lambda description, _: description.pop("history"), "history"),
    ],
)
def test_a_file_that_somebody_has_forged(change: Any, words: str, saved: Path) -> None:
    forged(saved, change)
    refused(saved, words, *data(CASE))


def test_a_table_that_does_not_go_with_the_bytes(saved: Path) -> None:
    magic, sizes = container._MAGIC, container._SIZES
    whole = saved.read_bytes()
    length, _ = sizes.unpack_from(whole, len(magic))
    start = len(magic) + sizes.size
    payload = whole[start + length :]
    for table in (
        {"order": ["|u1", [42, 1 << 60]]},
        {"order": ["|O", [5]]},
        {"order": ["|u1", [-1]]},
        {},
        [],
    ):
        text = json.dumps({"arrays": table, "description": {}}).encode()
        checksum = zlib.crc32(text + payload)
        saved.write_bytes(magic + sizes.pack(len(text), checksum) + text + payload)
        refused(saved, "it is damaged", *data(CASE))
