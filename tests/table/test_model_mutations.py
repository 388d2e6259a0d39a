"""Model files that were changed by chance: each is refused in words, or predicts."""

import copy
import io
import json
import os
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

import gpubackprop
from gpubackprop.table import Column, TableError, preprocessor
from gpubackprop.table.model_file import Bundle, ModelFileError, load, save
from gpubackprop.table.voting import mean_of

SEEDS = range(int(os.environ.get("GPUBACKPROP_MUTATIONS", "48")))
"""One changed file for each; more of them by hand."""

TABLE = pd.DataFrame(
    {
        "size": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0] * 5,
        "weight": np.arange(30.0),
        "garden": pd.Series([True, False, None] * 10, dtype=object),
        "colour": ["red", "blue", None, "red", "blue", "green"] * 5,
        "day": ["2024-01-31", "2025-02-03", None] * 10,
        "town": ["Oslo", "Bergen", "Århus", "Lund", "Vaasa"] * 6,
    }
)
COLUMNS = (
    *(Column("size", "number", ("missing",)), Column("weight", "number")),
    *(Column("garden", "boolean"), Column("colour", "category")),
    *(Column("day", "date", ("month", "days", "missing")), Column("town", "many categories")),
)


def trained(task):
    prepare = preprocessor(COLUMNS, task)
    settings = {"max_iter": 2, "random_state": 0, "n_iter_no_change": 2, "backend": "reference"}
    settings["hidden_layer_sizes"] = (5, 4)
    labels = np.array(["many", "none", "one"] * 10)
    if task == "classification":
        network = gpubackprop.MLPClassifier(**settings)
        made = Bundle(task, "y", COLUMNS, prepare, network, classes=np.unique(labels))
        target = labels
    else:
        network, target = gpubackprop.MLPRegressor(**settings), np.arange(30.0)
        scaler = StandardScaler().fit(target.reshape(-1, 1))
        made = Bundle(task, "y", COLUMNS, prepare, network, target_scaler=scaler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two epochs are not enough
        x, y = made.fit_inputs(TABLE, target), made.to_network(target)
        several = task == "classification"
        networks = [clone(network).fit(x, y) for _ in range(1 + several)]
    return replace(made, network=mean_of(networks))


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """The entries of a classifier's and a regressor's file."""
    folder = tmp_path_factory.mktemp("originals")
    found = []
    for task in ("classification", "regression"):
        save(trained(task), folder / task)
        with zipfile.ZipFile(folder / task) as file:
            found.append({name: file.read(name) for name in file.namelist()})
    return found


# -- changes --------------------------------------------------------------------------------------


def places(part, inside=()):
    """All values of a description: the dict or list they are in, and their key."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in list(pairs):
        yield part, key
        if isinstance(value, (dict, list)):
            yield from places(value)


SCALARS = ("null", "true", "-1", "0", "7", "1e308", "NaN", '"x"', '""', '"relu"', '"cuda:9"', "[1]")


def change_value(root, others, draw):
    where, key = others[draw.integers(len(others))]
    if key == "content" and isinstance(where[key], str):
        where[key] = SCALARS[draw.integers(len(SCALARS))]
    else:
        where[key] = [None, 0, -1, 2**70, "x", [], {}, 1.5, True][draw.integers(9)]


def change_scalar(root, others, draw):
    texts = [(w, k) for w, k in others if k == "content" and isinstance(w[k], str)]
    where, key = texts[draw.integers(len(texts))]
    where[key] = SCALARS[draw.integers(len(SCALARS))]


def remove(root, others, draw):
    where, key = others[draw.integers(len(others))]
    del where[key]


def swap(root, others, draw):
    entries = [(w, k) for w, k in others if isinstance(w[k], dict)]
    (a, i), (b, j) = (entries[draw.integers(len(entries))] for _ in range(2))
    a[i], b[j] = copy.deepcopy(b[j]), copy.deepcopy(a[i])


def repeat(root, others, draw):
    lists = [w[k] for w, k in others if isinstance(w[k], list) and w[k]]
    chosen = lists[draw.integers(len(lists))]
    chosen.append(copy.deepcopy(chosen[draw.integers(len(chosen))]))


def rename(root, others, draw):
    names = [(w, k) for w, k in others if k in ("__class__", "__module__", "__loader__", "file")]
    (a, i), (b, j) = (names[draw.integers(len(names))] for _ in range(2))
    a[i] = b[j]


DESCRIPTION = (change_value, change_scalar, change_scalar, remove, swap, repeat, rename)


def arrays(file, draw):
    """Another array in an array's place: other numbers, shape, type, or another's."""
    names = [name for name in file if name.endswith(".npy")]
    name = names[draw.integers(len(names))]
    array = np.load(io.BytesIO(file[name]))
    wild = np.array([np.nan, np.inf, 1e300, -1.0, 0.0, 1e-300])[draw.integers(6)]
    other = {"U": "U1", "f": "f8" if array.dtype == np.float32 else "f4"}.get(
        array.dtype.kind, "i2"
    )
    with np.errstate(all="ignore"):
        changed = [
            lambda: np.full_like(array, wild if array.dtype.kind == "f" else 2),
            lambda: array.reshape(*array.shape, 1),
            lambda: array.ravel()[:-1],
            lambda: array.astype(other),
            lambda: array.astype(array.dtype.newbyteorder()),
            lambda: np.load(io.BytesIO(file[names[draw.integers(len(names))]])),
        ][draw.integers(6)]()
    buffer = io.BytesIO()
    np.save(buffer, changed)
    file[name] = buffer.getvalue()


def a_byte(data, draw):
    at = draw.integers(len(data))
    return data[:at] + bytes([draw.integers(256)]) + data[at + 1 :]


def mutated(original, seed):
    """A file with one to three changes."""
    draw, file = np.random.default_rng(seed), dict(original)
    kind = draw.integers(10)
    if kind < 6:
        root = json.loads(file["schema.json"])
        for _ in range(draw.integers(1, 4)):
            DESCRIPTION[draw.integers(len(DESCRIPTION))](root, list(places(root)), draw)
        file["schema.json"] = json.dumps(root).encode()
    elif kind < 9:
        arrays(file, draw)
    else:
        name = list(file)[draw.integers(len(file))]
        file[name] = a_byte(file[name], draw)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in file.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def what_happens(path):
    """Load and predict as the command line does; only errors in words are let pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the command line prints these once, in a line
        try:
            model = load(path)
            answers = model.predict(TABLE)
            if model.task == "classification":
                assert model.predict_proba(TABLE).shape == (len(TABLE), len(model.labels))
        except (ModelFileError, TableError):
            return "refused"
    assert len(answers) == len(TABLE)
    return "predicted"


def test_unchanged_files_predict(originals, tmp_path):
    for original in originals:
        with zipfile.ZipFile(tmp_path / "model", "w") as archive:
            for name, content in original.items():
                archive.writestr(name, content)
        assert what_happens(tmp_path / "model") == "predicted"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_changed_file_is_refused_in_words_or_predicts(originals, tmp_path, seed):
    (tmp_path / "model").write_bytes(mutated(originals[seed % 2], seed))
    what_happens(tmp_path / "model")
