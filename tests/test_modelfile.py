import errno
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.preprocessing import StandardScaler

import gpubackprop
from gpubackprop.files import WriteError
from gpubackprop.table import Column, features, model_file, preprocessor
from gpubackprop.table.model_file import Bundle, ModelFileError, load, save

TABLE = pd.DataFrame(
    {
        "size": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0] * 4,
        "colour": ["red", "blue", None, "red", "blue", "green"] * 4,
    }
)
COLUMNS = (Column("size", "number"), Column("colour", "category"))
LABELS = np.array(["no", "yes"] * 12)


def bundle(task="classification", checkpoint=None):
    prepare = preprocessor(COLUMNS).fit(features(TABLE, COLUMNS))
    classes = scaler = None
    settings = {"max_iter": 2, "random_state": 0, "n_iter_no_change": 2, "backend": "reference"}
    settings["checkpoint"] = checkpoint
    callbacks = [lambda estimator, record: record.epoch == 2]
    if task == "classification":
        network = gpubackprop.MLPClassifier(callbacks=callbacks, **settings)
        classes, y = np.unique(LABELS, return_inverse=True)
    else:
        network = gpubackprop.MLPRegressor(callbacks=callbacks, **settings)
        scaler = StandardScaler().fit(1000.0 + np.arange(24.0).reshape(-1, 1))
        y = scaler.transform(1000.0 + np.arange(24.0).reshape(-1, 1)).ravel()
    made = Bundle(task, "y", COLUMNS, prepare, network, classes, scaler, {"test_accuracy": 0.5})
    network.fit(made.inputs(TABLE), y)
    return made


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gpubackprop"


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_loaded_model_predicts_the_same(path, task):
    made = bundle(task)
    save(made, path)
    loaded = load(path)
    np.testing.assert_array_equal(loaded.predict(TABLE), made.predict(TABLE))
    for name in ("task", "target", "columns", "metrics", "versions"):
        assert getattr(loaded, name) == getattr(made, name)
    assert loaded.versions["gpubackprop"] == gpubackprop.__version__


@pytest.mark.parametrize("checkpoint", [2, "sqrt"])
def test_a_loaded_model_keeps_its_checkpoint(path, checkpoint):
    made = bundle(checkpoint=checkpoint)
    save(made, path)
    assert load(path).network.get_params() == {**made.network.get_params(), "callbacks": None}


def test_a_loaded_classifier_gives_probabilities(path):
    made = bundle()
    save(made, path)
    loaded = load(path)
    np.testing.assert_array_equal(loaded.predict_proba(TABLE), made.predict_proba(TABLE))
    likeliest = loaded.labels[loaded.predict_proba(TABLE).argmax(axis=1)]
    np.testing.assert_array_equal(likeliest, loaded.predict(TABLE))
    assert set(loaded.labels) == {"no", "yes"}


def test_targets_go_to_the_network_and_back():
    classes, made = np.array(["yes", "no", "yes"]), bundle()
    np.testing.assert_array_equal(made.from_network(made.to_network(classes)), classes)
    sizes, made = np.array([1000.5, 1020.25]), bundle("regression")
    np.testing.assert_allclose(made.from_network(made.to_network(sizes)), sizes, rtol=1e-6)


def test_quantities_come_back_in_their_own_unit():
    assert np.all(np.abs(bundle("regression").predict(TABLE) - 1012) < 100)


def test_saving_leaves_the_network_able_to_train_on(path):
    made = bundle()
    save(made, path)
    assert made.network.callbacks
    assert made.network._optimizer


def test_the_file_holds_no_training_state(path):
    save(bundle(), path)
    state = vars(load(path).network)
    assert state["callbacks"] is None
    assert not {"_optimizer", "_random_state", "_best_coefs"} & set(state)


def test_what_would_not_be_loaded_again_is_not_saved(path):
    made = bundle()
    made.network.strange = Path("x")
    with pytest.raises(ModelFileError, match=r"not saved.*Path"):
        save(made, path)
    assert not path.exists()


# -- saving whole or not at all -------------------------------------------------------------------


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(path, monkeypatch, call):
    path.write_bytes(b"the old model")
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(WriteError, match=r"No space left.*unchanged"):
        save(bundle(), path)
    assert path.read_bytes() == b"the old model"
    assert os.listdir(path.parent) == [path.name]


# -- loading what is not a model ------------------------------------------------------------------


class Bomb:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def archive(path, name, content):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)


def test_a_missing_file(path):
    with pytest.raises(ModelFileError, match="No such file"):
        load(path)


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
def test_a_file_cut_short(path, kept):
    save(bundle(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ModelFileError, match=r"model\.gpubackprop: damaged or cut short"):
        load(path)


def test_a_flipped_byte(path):
    save(bundle(), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ModelFileError):
        load(path)


@pytest.mark.parametrize(("data", "words"), [(b"", "empty"), (b"a,b\n1,2\n", "not a model file")])
def test_a_file_of_another_kind(path, data, words):
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=words):
        load(path)


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_is_refused_and_not_run(path, tmp_path, protocol):
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "ran"), protocol=protocol))
    with pytest.raises(ModelFileError):
        load(path)
    assert not (tmp_path / "ran").exists()


def test_a_foreign_zip(path):
    archive(path, "hello.txt", "hello")
    with pytest.raises(ModelFileError, match="not a model that this gpubackprop can read"):
        load(path)


@pytest.mark.parametrize("schema", ["{}", "[]", "not json", '{"protocol": 99}'])
def test_a_crafted_schema(path, schema):
    archive(path, "schema.json", schema)
    with pytest.raises(ModelFileError, match="not a model that this gpubackprop can read"):
        load(path)


def test_an_untrusted_type_is_named(path):
    skops.io.dump({"format": model_file.FORMAT, "network": Path("x")}, path)
    with pytest.raises(ModelFileError, match=r"refused.*pathlib"):
        load(path)


def test_a_function_cannot_be_smuggled_in(path):
    skops.io.dump({"format": model_file.FORMAT, "network": os.system}, path)
    with pytest.raises(ModelFileError, match=r"refused.*system"):
        load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "not a model that 'gpubackprop train' saved"),
        ({"a": 1}, "not a model that 'gpubackprop train' saved"),
        ({"format": "gpubackprop model 999"}, "another format"),
        ({"format": model_file.FORMAT, "task": "classification"}, "incomplete"),
        ({"format": model_file.FORMAT, "columns": 3}, "incomplete"),
    ],
)
def test_a_skops_file_of_something_else(path, content, words):
    skops.io.dump(content, path)
    with pytest.raises(ModelFileError, match=words):
        load(path)
