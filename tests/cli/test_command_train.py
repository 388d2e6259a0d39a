import errno
import os
import re
import sys

import numpy as np
import pandas as pd
import pytest

from gpubackprop.cli.problem import from_file
from gpubackprop.cli.progress import TrainingProgress
from gpubackprop.table import model_file

QUICK = "--epochs 3 --no-plot"


def table_row(output, name):
    (line,) = [line for line in output.splitlines() if line.startswith(f"│ {name}")]
    return [cell.strip() for cell in line.strip("│").split("│")[1:]]


def test_digits_are_trained_compared_saved_and_drawn(run, tmp_path):
    output = run("train --epochs 4")
    assert "1437 rows to train on, 360 held out to test" in output
    assert re.search(r"Test accuracy 0\.\d+ on 360 rows \(always guessing .*: 0\.100\)", output)
    for name in ("test accuracy", "final loss", "epochs"):
        ours, theirs = table_row(output, name)
        assert ours == theirs
    assert len(table_row(output, "seconds")) == 2
    assert (tmp_path / "digits-loss.png").read_bytes().startswith(b"\x89PNG")
    bundle = model_file.load(tmp_path / "digits.gpubackprop")
    assert bundle.task == "classification"
    assert bundle.metrics["test_accuracy"] > 0.5


def test_quantities_are_predicted_in_their_own_unit(run, houses, tmp_path):
    output = run("train houses.csv --target price --epochs 60 --no-plot --learning-rate 0.01")
    assert "regression, because the target is numbers" in output
    rmse, r2 = re.search(r"Test RMSE (\S+), R² (\S+) on 40 rows", output).groups()
    assert float(r2) > 0.6
    assert 1000 < float(rmse) < 80000
    metrics = model_file.load(tmp_path / "houses.gpubackprop").metrics
    assert metrics["test_rmse"] == pytest.approx(float(rmse), rel=1e-3)
    assert metrics["test_r2"] == pytest.approx(float(r2), abs=1e-3)


def test_what_was_done_with_each_column_is_said(run, houses, tmp_path):
    output = run(f"train houses.csv --target price {QUICK}")
    assert "only tells the rows apart: house_id" in output
    assert "differs in nearly every row: remark" in output
    columns = model_file.load(tmp_path / "houses.gpubackprop").columns
    assert {c.name: c.kind for c in columns} == {
        "area": "number",
        "city": "category",
        "garden": "boolean",
    }


def test_classes_are_reported_with_a_confusion_matrix(run, flowers):
    output = run("train flowers.csv -t kind --no-plot --epochs 40")
    assert "3 classes" in output
    accuracy = float(re.search(r"Test accuracy (\S+) on 18 rows", output).group(1))
    matrix = [table_row(output, name) for name in ("iris", "lily", "rose")]
    counts = np.array([[int(cell.replace("·", "0")) for cell in row[:3]] for row in matrix])
    assert counts.sum(axis=1).tolist() == [6, 6, 6]  # each class in proportion
    assert accuracy == pytest.approx(np.trace(counts) / 18, abs=1e-3)
    assert accuracy > 0.8


def test_parquet_is_trained_on_too(run, flowers, tmp_path):
    flowers.to_parquet(tmp_path / "f.parquet")
    run(f"train f.parquet -t kind {QUICK} -o other.model")
    assert model_file.load(tmp_path / "other.model").target == "kind"


def test_rows_without_a_target_are_left_out(run, flowers, tmp_path):
    flowers.loc[:9, "kind"] = None
    flowers.to_csv(tmp_path / "flowers.csv", index=False)
    output = run(f"train flowers.csv -t kind {QUICK}")
    assert "flowers.csv: 80 rows" in output
    assert "10 rows without a 'kind' left out" in output


def test_a_class_of_one_row_does_not_break_the_split(run, flowers, tmp_path):
    flowers.loc[0, "kind"] = "tulip"
    flowers.to_csv(tmp_path / "flowers.csv", index=False)
    output = run(f"train flowers.csv -t kind --early-stopping {QUICK}")
    assert "4 classes" in output
    assert "no early stopping" in output


def test_early_stopping_holds_a_validation_part_out_where_there_are_rows(run, flowers, tmp_path):
    many = pd.concat([flowers] * 5)
    many.to_csv(tmp_path / "many.csv", index=False)
    run(f"train many.csv -t kind {QUICK}")
    assert model_file.load(tmp_path / "many.gpubackprop").network.early_stopping
    run(f"train many.csv -t kind --no-early-stopping {QUICK}")
    assert not model_file.load(tmp_path / "many.gpubackprop").network.early_stopping


def test_options_reach_the_network(run, flowers, tmp_path):
    run(
        "train flowers.csv -t kind --no-plot --hidden 7,5 --activation tanh --epochs 2 --alpha 0.5 "
        "--batch-size 9 --learning-rate 0.02 --seed 3 --backend reference"
    )
    network = model_file.load(tmp_path / "flowers.gpubackprop").network
    expected = {
        "hidden_layer_sizes": (7, 5),
        "activation": "tanh",
        "max_iter": 2,
        "alpha": 0.5,
        "batch_size": 9,
        "learning_rate_init": 0.02,
        "random_state": 3,
        "backend": "reference",
    }
    assert {name: network.get_params()[name] for name in expected} == expected


def test_equal_seeds_give_equal_models(run, flowers, tmp_path):
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(f"train flowers.csv -t kind {QUICK} --seed {seed} -o {name}")
        weights.append(model_file.load(tmp_path / name).network.coefs_[0])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_table_can_be_compared_with_scikit_learn_too(run, houses, monkeypatch):
    monkeypatch.setattr("gpubackprop.cli.train._WORTH_SAYING", 0)
    output = run(f"train houses.csv -t price --compare {QUICK}")
    assert len(set(table_row(output, "test RMSE"))) == 1
    assert re.search(r"gpubackprop was \S+ times as fast", output)
    assert re.search(r"\S+ s of its time was start-up.*epochs alone were \S+ times", output)


def test_preprocessing_learns_from_the_training_rows_only(houses, tmp_path):
    problem = from_file(tmp_path / "houses.csv", "price", None, (), (), 0.25, 0)
    assert not set(problem.train) & set(problem.test)
    assert len(problem.train) + len(problem.test) == len(houses)
    bundle = problem.bundle(network=None)
    median = houses["area"].iloc[problem.train].median()
    filled = houses["area"].iloc[problem.train].fillna(median)
    scaler = bundle.prepare.named_transformers_["numbers"]["standardise"]
    assert scaler.mean_[0] == pytest.approx(filled.mean())
    assert bundle.target_scaler.mean_[0] == pytest.approx(
        houses["price"].iloc[problem.train].mean()
    )


def test_quiet_prints_nothing(run, flowers):
    assert run(f"train flowers.csv -t kind -q {QUICK}") == ""


# -- things go wrong ------------------------------------------------------------------------------


def interrupt_at(epoch, monkeypatch):
    def interrupt(self, estimator, record):
        if record.epoch == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingProgress, "__call__", interrupt)


def test_an_interrupted_training_is_tested_and_saved(run, tmp_path, monkeypatch):
    interrupt_at(3, monkeypatch)
    output = run("train --no-plot")
    assert re.search(r"Interrupted: the model after 3 epochs in \S+ s is tested and saved", output)
    assert "Test accuracy" in output
    assert "scikit-learn" not in output
    assert model_file.load(tmp_path / "digits.gpubackprop").network.n_iter_ == 3


def test_an_interrupt_outside_of_training_ends_quietly(run, flowers, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_file, "save", interrupt)
    assert "Interrupted" in run(f"train flowers.csv -t kind {QUICK}", code=130)


def test_without_matplotlib_the_rest_goes_on(run, flowers, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    output = run("train flowers.csv -t kind --epochs 3")
    assert "pip install 'gpubackprop[plot]'" in output
    assert (tmp_path / "flowers.gpubackprop").exists()
    assert not (tmp_path / "flowers-loss.png").exists()


def test_a_full_disk_is_said_in_a_line(run, flowers, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "flowers.gpubackprop").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    output = run(f"train flowers.csv -t kind {QUICK}", code=1)
    assert "No space left on device" in output
    assert (tmp_path / "flowers.gpubackprop").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("flowers.csv", "Add --target COLUMN. flowers.csv has: long, wide, kind"),
        ("flowers.csv -t kinds", "Did you mean 'kind'?"),
        ("flowers.csv -t kind --drop colour", "no column is named 'colour'"),
        ("flowers.csv -t kind --task regression", "'iris' is not a number"),
        ("flowers.csv -t kind --hidden ten", "--hidden 256,128"),
        ("flowers.csv -t kind -o none/model", "there is no folder"),
        ("flowers.csv -t kind -o ../{folder}/flowers.csv", "would be overwritten"),
        ("flowers.csv -t kind --plot none/loss.png", "there is no folder"),
        ("flowers.csv -t kind --device abacus", "abacus"),
        ("flowers.csv -t kind --backend abacus", "abacus"),
        ("flowers.csv -t kind --learning-rate -1", "training failed"),
        ("flowers.csv -t long --learning-rate 1e200", "Lower --learning-rate"),
        ("short.csv -t y", "at least 10"),
        ("none.csv -t y", "no such file"),
        ("--target kind", "about a table"),
    ],
)
def test_what_the_user_can_cure_is_said_in_a_line(run, flowers, tmp_path, line, words):
    (tmp_path / "short.csv").write_text("x,y\n1,2\n3,4\n")
    output = run(f"train {line} --epochs 3".format(folder=tmp_path.name), code=1)
    assert words in output
    assert output.splitlines()[-1].startswith("Error: ")
    assert not list(tmp_path.glob("*.gpubackprop"))
