import dataclasses
import errno
import json
import os
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import gpubackprop
from gpubackprop.files import WriteError
from gpubackprop.table import Column, TableError, features, model_file, preprocessor
from gpubackprop.table.model_file import Bundle, ModelFileError, load, save
from gpubackprop.table.voting import mean_of

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


@pytest.mark.parametrize(("trained", "loaded"), [("cuda:99", "auto"), ("cpu", "cpu")])
def test_a_model_predicts_where_its_gpu_is_not(path, trained, loaded):
    made = bundle()
    many = pd.concat([TABLE] * 50, ignore_index=True)
    expected = made.predict(many)
    made.network.set_params(device=trained, backend="auto")
    save(made, path)
    np.testing.assert_array_equal(load(path).predict(many), expected)
    assert load(path).network.device == loaded


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


def test_networks_of_other_classes_are_no_mean(path):
    made = bundle()
    made.network.classes_ = np.array([0])
    mean = mean_of([bundle().network, made.network])
    with pytest.raises(ModelFileError, match="the classes of its networks"):
        save(dataclasses.replace(made, network=mean), path)


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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("schema.json", content) for content in ("{}", "[]", "not json", '{"protocol": 99}')),
        ("hello.txt", "hello"),
    ],
)
def test_an_archive_of_something_else(path, name, content):
    archive(path, name, content)
    with pytest.raises(ModelFileError, match="not a model that this gpubackprop can read"):
        load(path)


@pytest.mark.parametrize(("network", "name"), [(Path("x"), "pathlib"), (os.system, "system")])
def test_an_untrusted_type_or_function_is_named(path, network, name):
    skops.io.dump({"format": model_file.FORMAT, "network": network}, path)
    with pytest.raises(ModelFileError, match=f"refused.*{name}"):
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


# -- loading what was made to do harm -------------------------------------------------------------


def test_what_is_no_ordinary_file_is_not_read(path):
    os.mkfifo(path)
    for strange in (path, "/dev/zero", path.parent):
        with pytest.raises(ModelFileError, match="not an ordinary file"):
            load(strange)


def test_a_file_too_large_to_be_a_model_is_not_read(path):
    with open(path, "wb") as file:
        file.truncate(5 * 2**40)
    with pytest.raises(ModelFileError, match="5,497,558,138,880 bytes, more than"):
        load(path)


@pytest.mark.parametrize("name", ["schema.json", "1.npy"])
def test_a_bomb_is_not_unpacked(path, name):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, bytes(80 * 2**20))
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="unpacks to 83,886,080 bytes, more than"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(path):
    size = 80 * 2**20
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("schema.json", bytes(size))
    told = (1000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), told))
    tracemalloc.start()
    with pytest.raises(ModelFileError):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()


def test_a_description_of_too_many_parts(path):
    archive(path, "schema.json", "[" + "[]," * 1_000_001 + "[]]")
    with pytest.raises(ModelFileError, match=r"refused.*1,000,003 parts"):
        load(path)


def entry(kind, content, number, loader=None):
    of = {"__class__": kind, "__module__": "builtins", "content": content, "__id__": number}
    return {**of, "__loader__": loader or f"{kind.title()}Node"}


def described_as(path, root):
    archive(path, "schema.json", json.dumps({**root, "protocol": 2}))


@pytest.mark.parametrize(
    "again",
    [
        lambda number: {"__id__": number},
        lambda number: entry("list", [], number),
        lambda number: entry("list", [], number, "CachedNode"),
    ],
    ids=["a bare number", "an empty list", "skops' own way"],
)
def test_a_short_description_that_refers_to_itself_without_end(path, again):
    twice = [entry("list", [again(below), again(below)], below + 1) for below in range(1, 23)]
    levels = [entry("list", [], 1), *twice]
    described_as(path, entry("list", levels, 100))
    with pytest.raises(ModelFileError, match="refused"):
        load(path)


def test_a_description_inside_itself(path):
    described_as(path, entry("list", [entry("list", [entry("list", [], 1)], 2)], 1))
    with pytest.raises(ModelFileError, match="refused"):
        load(path)


@pytest.mark.parametrize("depth", [200, 5000, 400_000])
def test_a_deep_description(path, depth):
    archive(path, "schema.json", '{"__loader__": ' + "[" * depth + "]" * depth + "}")
    with pytest.raises(ModelFileError):
        load(path)


def test_a_method_among_the_types_of_keys(path):
    """skops 0.11 called it, and so wrote any bytes to any path."""
    save(bundle(), path)
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    root = json.loads(entries["schema.json"])
    root["key_types"]["content"][0] = {
        "__class__": "MLPClassifier",
        "__module__": "gpubackprop",
        "__loader__": "MethodNode",
        "content": {"obj": root["content"]["network"]},
    }
    entries["schema.json"] = json.dumps(root).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    with pytest.raises(ModelFileError, match="refused, it holds what no gpubackprop model holds"):
        load(path)


def crafted(path, made, change):
    """Write a model as save does, without its last look at it."""
    content = {name: getattr(made, name) for name in vars(made)}
    content["columns"] = [[column.name, column.kind] for column in made.columns]
    content["network"].callbacks = None
    for name in ("_optimizer", "_random_state", "history_"):
        vars(content["network"]).pop(name)
    change(content)
    skops.io.dump({"format": model_file.FORMAT, **content}, path)


def test_another_estimator_in_the_networks_place(path):
    tree = DecisionTreeClassifier().fit(np.eye(2), [0, 1])
    crafted(path, bundle(), lambda content: content.update(network=tree))
    with pytest.raises(ModelFileError, match="refused, it holds what no gpubackprop model holds"):
        load(path)


def first_weights(make):
    def change(content):
        content["network"].coefs_[0] = make(content["network"].coefs_[0])

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (first_weights(lambda W: W[:-1]), "the shapes of its weights"),
        (first_weights(lambda W: W.astype(np.float64)), "the shapes of its weights"),
        (first_weights(lambda W: W.astype(np.float16)), "the weights of its network"),
        (first_weights(lambda W: W.astype(int)), "the weights of its network"),
        (first_weights(lambda W: W.astype(">f4")), "the weights of its network"),
        (first_weights(lambda W: np.full_like(W, np.nan)), "the weights of its network"),
        (first_weights(lambda W: [[1.0]]), "the weights of its network"),
        (lambda c: c["network"].coefs_.clear(), "the weights of its network"),
        (lambda c: c["network"].set_params(activation="step"), "activation"),
        (lambda c: c.update(network=c["prepare"]), "its network"),
        (lambda c: c.update(prepare=StandardScaler().fit([[1.0]])), "what prepares its columns"),
        (lambda c: c["prepare"].transformers_.pop(), "damaged or changed"),
        (lambda c: vars(c["prepare"]).update(remainder="passthrough"), "prepare.remainder"),
        (lambda c: c.update(classes=np.array(["no"])), "the classes of its network"),
        (lambda c: c.update(classes=np.array(["yes", "no"])), "the list of its classes"),
        (lambda c: c.update(columns=[["size", "number"]]), "damaged or changed"),
        (lambda c: c.update(columns=[["size", "date"]] * 2), "the list of its columns"),
        (lambda c: c["columns"][0].append("year"), "the list of its columns"),
        (lambda c: c["columns"][0].extend(["missing"] * 2), "the list of its columns"),
        (lambda c: c["columns"][1].append("missing"), "the list of its columns"),
        (lambda c: c.update(task="clustering"), "its task"),
        (lambda c: c.update(task="regression"), "target_scaler"),
        (lambda c: c.update(target=3), "the name of its target"),
        (lambda c: c.update(metrics={"test_accuracy": "1"}), "its metrics"),
    ],
)
def test_contents_that_no_model_has(path, change, words):
    crafted(path, bundle(), change)
    with pytest.raises(ModelFileError, match=words):
        load(path)


def test_a_crafted_file_without_a_change_is_loaded(path):
    made = bundle()
    crafted(path, made, lambda content: None)
    np.testing.assert_array_equal(load(path).predict(TABLE), made.predict(TABLE))


def test_parameters_of_another_version_may_lack_and_fitted_numbers_may_not(path):
    made = bundle()
    expected = made.predict(TABLE)
    crafted(path, made, lambda content: vars(content["prepare"]).pop("verbose_feature_names_out"))
    np.testing.assert_array_equal(load(path).predict(TABLE), expected)
    made = bundle()
    scaler = made.prepare.named_transformers_["numbers"][-1]
    crafted(path, made, lambda content: vars(scaler).pop("mean_"))
    with pytest.raises(ModelFileError, match="mean_"):
        load(path)


def test_what_a_file_adds_to_its_estimators_is_left_behind(path):
    made = bundle()
    expected = made.predict(TABLE)

    def change(content):
        content["network"].predict = content["prepare"].transform = "mine"

    crafted(path, made, change)
    np.testing.assert_array_equal(load(path).predict(TABLE), expected)


def test_rare_categories_stay_rare(path):
    """More than a hundred of them: the rarest share a column, as where they were fitted."""
    names = [f"c{i:03}" for i in range(150) for _ in range(1 + (i % 3 > 0))]
    table = pd.DataFrame({"size": np.arange(float(len(names))), "colour": names})
    prepare = preprocessor(COLUMNS).fit(features(table, COLUMNS))
    network = gpubackprop.MLPRegressor(backend="reference", callbacks=[lambda *_: True])
    y = np.linspace(-1.0, 1.0, len(names))
    scaler = StandardScaler().fit(y.reshape(-1, 1))
    made = Bundle("regression", "y", COLUMNS, prepare, network, target_scaler=scaler)
    assert made.inputs(table).shape[1] == 1 + 100
    network.fit(made.inputs(table), y)
    save(made, path)
    np.testing.assert_array_equal(load(path).inputs(table), made.inputs(table))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_dates_gaps_and_many_categories_come_back(path, task):
    table = TABLE.assign(
        when=["1.2.2024", "13.2.2024", None] * 8, town=[f"t{i % 12}" for i in range(24)]
    )
    columns = (
        *(Column("size", "number", ("missing",)), Column("town", "many categories")),
        Column("when", "date, day first", ("day", "days", "missing")),
    )
    target = LABELS if task == "classification" else np.arange(24.0) - 50
    scaler = StandardScaler().fit(target.reshape(-1, 1)) if task == "regression" else None
    kind = gpubackprop.MLPRegressor if scaler else gpubackprop.MLPClassifier
    made = Bundle(
        *(task, "y", columns, preprocessor(columns, task)),
        kind(backend="reference", callbacks=[lambda *_: True]),
        *(None if scaler else np.unique(LABELS), scaler),
    )
    made.network.fit(made.fit_inputs(table, target), made.to_network(target))
    save(made, path)
    new = table.assign(town="elsewhere")
    for rows in (table, new):
        np.testing.assert_array_equal(load(path).inputs(rows), made.inputs(rows))
        np.testing.assert_array_equal(load(path).predict(rows), made.predict(rows))
    assert load(path).unseen(new) == {"town": {"elsewhere": 24}}
    assert load(path).unseen(table) == {}


def test_a_number_too_large_for_single_precision_is_named_by_its_row():
    table = TABLE.copy()
    table.loc[3, "size"] = 1e100
    with pytest.raises(TableError, match="row 4 after the header: a number here is too large"):
        bundle().predict(table)


def test_a_prediction_that_overflows_is_named_by_its_row():
    made = bundle("regression")
    made.network.coefs_[-1][...] = np.float32(3e38)
    words = r"row \d+ after the header: the network's prediction"
    with np.errstate(all="ignore"), pytest.raises(TableError, match=words):
        made.predict(TABLE)
