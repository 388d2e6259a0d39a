import errno
import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gpubackprop.cli.problem import Choices, from_file
from gpubackprop.cli.progress import TrainingProgress
from gpubackprop.cli.terminal import Terminal
from gpubackprop.cli.train import verdict
from gpubackprop.cli.training import Run, _say_how_it_ended, against_early_stopping
from gpubackprop.fitting.options.presets import PRESETS
from gpubackprop.table import model_file

QUICK = "--epochs 3 --hidden 9 --no-plot --test-fraction 0.2"


def table_row(output, name):
    (line,) = [line for line in output.splitlines() if line.startswith(f"│ {name}")]
    return [cell.strip() for cell in line.strip("│").split("│")[1:]]


def test_digits_are_trained_compared_saved_and_drawn(run, tmp_path):
    output = run("train --epochs 4")
    assert "1437 rows to train on, 360 held out to test" in output
    assert re.search(
        r"Test accuracy 0\.\d+ \(0\.\d+ to 0\.\d+\) on 360 rows \(always .*: 0\.100\)", output
    )
    for name in ("test accuracy", "final loss", "epochs"):
        ours, theirs = table_row(output, name)
        assert ours == theirs
    assert float(table_row(output, "training, seconds")[0]) > 0
    assert float(table_row(output, "start-up, seconds")[0]) >= 0
    assert output.startswith("gpubackprop trains neural networks on tables.")
    assert (tmp_path / "digits-loss.png").read_bytes().startswith(b"\x89PNG")
    bundle = model_file.load(tmp_path / "digits.gpubackprop")
    assert bundle.task == "classification"
    assert bundle.metrics["test_accuracy"] > 0.5


def test_quantities_are_predicted_in_their_own_unit(run, houses, tmp_path):
    output = run("train houses.csv --target price --epochs 60 --no-plot --learning-rate 0.01")
    assert "regression, because the target is numbers" in output
    words = r"Test R² (\S+) \(± \S+\), RMSE (\S+) in cross-validation"
    r2, rmse = re.search(words, output).groups()
    assert float(r2) > 0.6
    assert 1000 < float(rmse) < 80000
    metrics = model_file.load(tmp_path / "houses.gpubackprop").metrics
    assert metrics["cross_validated_rmse"] == pytest.approx(float(rmse), rel=1e-3)
    assert metrics["cross_validated_r2"] == pytest.approx(float(r2), abs=1e-3)
    output = run("info houses.gpubackprop")
    assert "cross validated RMSE" in output
    assert "cross validated R²" in output


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
    output = run("train flowers.csv -t kind --no-plot --epochs 40 --test-fraction 0.2")
    assert "3 classes" in output
    accuracy = float(re.search(r"Test accuracy (\S+) \(.*\) on 18 rows", output).group(1))
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
    assert "10 rows without 'kind' left out" in output


def test_a_class_of_one_row_does_not_break_the_split(run, flowers, tmp_path):
    flowers.loc[0, "kind"] = "tulip"
    flowers.to_csv(tmp_path / "flowers.csv", index=False)
    output = run(f"train flowers.csv -t kind --early-stopping {QUICK}")
    assert "4 classes" in output
    assert "no early stopping: class 'tulip' has a single row to train on" in output


def test_a_table_of_ones_own_has_the_preset_for_tables(run, flowers, tmp_path):
    def network(options):
        output = run(f"train flowers.csv -t kind {QUICK} {options}")
        return model_file.load(tmp_path / "flowers.gpubackprop").network, output

    ours, output = network("--hidden 7")
    assert re.search(r"3 epochs in \S+ s, to the end of the schedule", output)
    expected = {**PRESETS["tabular"], "hidden_layer_sizes": (7,), "max_iter": 3}
    expected |= {"early_stopping": False, "n_iter_no_change": 3}
    assert {name: ours.get_params()[name] for name in expected} == expected
    theirs, output = network("--preset scikit-learn --early-stopping")
    assert theirs.solver == "adam"
    assert re.search(r"kept is epoch \d, the best on the validation part", output)


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


@pytest.mark.parametrize(("target", "output"), [("kind", "predict_proba"), ("wide", "predict")])
def test_the_mean_of_networks_of_several_seeds_is_predicted(run, flowers, tmp_path, target, output):
    def trained(options):
        run(f"train flowers.csv -t {target} -o m --test flowers.csv --epochs 3 {options}")
        return getattr(model_file.load(tmp_path / "m"), output)(flowers)

    expected = np.mean([trained(f"--seed {seed} --no-plot") for seed in (7, 8)], axis=0)
    np.testing.assert_allclose(trained("--seed 7 --networks 2 --backup b"), expected, rtol=1e-5)
    assert "predicts the mean of 2 such networks" in " ".join(run("info m").split())


def test_each_of_several_networks_is_told_of(run, flowers):
    output = run(f"train flowers.csv -t kind --networks 2 {QUICK}")
    assert re.findall(r"network (\d) of 2: 3 epochs in", output) == ["1", "2"]


def test_equal_seeds_give_equal_models(run, flowers, tmp_path):
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(f"train flowers.csv -t kind {QUICK} --seed {seed} -o {name}")
        weights.append(model_file.load(tmp_path / name).network.coefs_[0])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_table_can_be_compared_with_scikit_learn_too(run, houses, monkeypatch):
    monkeypatch.setattr("gpubackprop.cli.training.WORTH_SAYING", 0)
    output = run(f"train houses.csv -t price --compare {QUICK}")
    assert len(set(table_row(output, "test RMSE"))) == 1
    lines = output.splitlines()
    (start_up,) = [line for line in lines if line.startswith("  start-up took ")]
    (epochs,) = [line for line in lines if line.startswith("  3 epochs in ")]
    assert lines.index(start_up) < lines.index(epochs)
    assert re.search(r" of training, scikit-learn's \S+ s\.$", output, re.MULTILINE)


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (1.0, 13.0, "gpubackprop was 13 times as fast: 1.00 s of training, scikit-learn's 13 s."),
        (2.0, 0.5, "gpubackprop took 4 times as long: 2.00 s of training, scikit-learn's 0.50 s."),
        (1.0, 1.02, "Both took equally long: 1.00 s of training, scikit-learn's 1.02 s."),
        (1.02, 1.0, "Both took equally long: 1.02 s of training, scikit-learn's 1.00 s."),
    ],
)
def test_a_loss_of_time_is_not_called_a_speed(ours, theirs, words):
    assert verdict(ours, theirs) == words


def test_all_is_compiled_before_the_clock_starts(tmp_path):
    """With lanes for two threads, whose barrier is a kernel too."""
    code = """
import atexit
from gpubackprop.backends import threads
from gpubackprop.cli.progress import TrainingProgress
from gpubackprop.cli.app import app
from gpubackprop.kernels.native.launch import compiled_kernels as made
threads.available = lambda: 2
at_start = []
TrainingProgress.__enter__ = lambda self: at_start.extend(made()) or self
atexit.register(lambda: print("made: ", len(at_start), *set(made()) - set(at_start)))
app(["train", "--epochs", "1", "--no-compare", "--no-plot"])
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    before, *after = result.stdout.rpartition("made: ")[2].split()
    assert int(before) > 5
    assert after == []


def test_preprocessing_learns_from_the_training_rows_only(houses, tmp_path):
    problem = from_file(tmp_path / "houses.csv", Choices("price", test_fraction=0.25))
    ((train, test),) = problem.splits
    assert train is problem.train
    assert not set(train) & set(test)
    assert len(train) + len(test) == len(houses)
    bundle = problem.bundle(None, train)
    bundle.fit_inputs(problem.table.iloc[train], problem.truth(train))
    median = houses["area"].iloc[problem.train].median()
    filled = houses["area"].iloc[problem.train].fillna(median)
    scaler = bundle.prepare.named_transformers_["numbers"]["standardise"]
    assert scaler.mean_[0] == pytest.approx(filled.mean())
    assert bundle.target_scaler.mean_[0] == pytest.approx(
        houses["price"].iloc[problem.train].mean()
    )


def test_quiet_prints_nothing(run, flowers):
    assert run(f"train flowers.csv -t kind -q {QUICK}") == ""


def test_a_small_table_is_cross_validated_and_learnt_whole(run, flowers, tmp_path):
    output = run("train flowers.csv -t kind --no-plot --epochs 20")
    assert "90 rows to train on, tested by cross-validation" in output
    assert re.search(r"Test accuracy \S+ \(± \S+\) in cross-validation", output)
    assert "of 10 models, each tested on the fifth" in output
    metrics = model_file.load(tmp_path / "flowers.gpubackprop").metrics
    assert metrics["rows"] == 90


def test_each_row_is_held_out_from_what_predicts_it(flowers, tmp_path):
    problem = from_file(tmp_path / "flowers.csv", Choices("kind"))
    assert problem.train.tolist() == list(range(90))
    held_out = np.concatenate([test for _, test in problem.splits])
    assert np.unique(held_out, return_counts=True)[1].tolist() == [2] * 90
    for train, test in problem.splits:
        assert not set(train) & set(test)
        assert np.unique(problem.truth(test), return_counts=True)[1].tolist() == [6, 6, 6]


def test_a_table_of_its_own_is_tested_on(run, flowers, tmp_path):
    flowers.iloc[::3].to_csv(tmp_path / "test.csv", index=False)
    output = run("train flowers.csv -t kind --epochs 3 --hidden 9 --no-plot --test test.csv")
    assert "90 rows to train on, 30 held out to test" in output
    assert re.search(r"Test accuracy \S+ \(.* to .*\) on 30 rows", output)


def test_a_column_that_gives_the_target_away_is_named(run, houses, tmp_path):
    houses["log"] = np.log(houses["price"])
    houses["half"] = houses["price"] - houses["house_id"] * 1000
    houses.to_csv(tmp_path / "leaky.csv", index=False)
    output = run(f"train leaky.csv -t price {QUICK}")
    assert "'log' alone tells almost all of 'price'" in output
    assert "--drop log" in output
    assert "tells almost all" not in run(f"train leaky.csv -t price --drop log,half {QUICK}")


def test_columns_that_add_up_to_the_target_are_named(run, tmp_path):
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"casual": draw.gamma(1, 50, 300), "registered": draw.gamma(1, 50, 300)})
    table["other"] = draw.normal(size=300)
    table["count"] = table["casual"] + table["registered"]
    table.to_csv(tmp_path / "rides.csv", index=False)
    output = run(f"train rides.csv -t count {QUICK}")
    assert "'casual', 'registered' add up to 'count'" in output


def test_columns_are_weighed_by_what_is_lost_without_them(run, flowers, tmp_path):
    output = run("train flowers.csv -t kind --epochs 30")
    (line,) = [line for line in output.splitlines() if line.startswith("Loss of accuracy")]
    long, wide = re.search(r"shuffled: long (\S+), wide (\S+)$", line).groups()
    assert float(long) > 0.3 > abs(float(wide))
    assert (tmp_path / "flowers-loss.png").exists()


@pytest.mark.parametrize(
    ("scores", "schedule", "ended"),
    [
        ([0.1, 0.2, 0.3], None, "more --epochs may help"),
        ([0.1, 0.2, 0.3], "log_cosine", "epoch 3,"),
        ([0.3, 0.2, 0.1], None, "epoch 1,"),
    ],
)
def test_more_epochs_are_offered_where_the_held_out_score_still_rose(scores, schedule, ended):
    network = SimpleNamespace(
        n_iter_=3,
        max_iter=3,
        early_stopping=True,
        schedule=schedule,
        validation_scores_=np.array(scores),
    )
    console = Terminal(file=io.StringIO(), width=200)
    _say_how_it_ended(console, network, Run(None, None, None), [])
    text = console.file.getvalue()
    assert ended in text
    assert ("more --epochs" in text) == ended.startswith("more")


@pytest.mark.parametrize(
    ("truth", "classes", "words"),
    [
        (["a"] * 400 + ["b"], 2, "class 'b' has a single row"),
        (list(range(40)) * 2, 40, "fewer than the 40 classes"),
        ([1.5, 2.5] * 9, 0, "18 rows to train on are fewer than 20"),
        (["a", "b"] * 10, 2, None),
    ],
)
def test_the_reason_against_early_stopping_is_the_true_one(truth, classes, words):
    reason = against_early_stopping(np.array(truth), classes)
    assert (words is None and reason is None) or words in reason


def test_a_long_training_is_announced_after_an_epoch():
    console = Terminal(file=io.StringIO(), width=200)
    progress = TrainingProgress(console, 200, None, ("", ""))
    for epoch in (1, 2):
        progress(None, SimpleNamespace(seconds=3.0, epoch=epoch))
    assert console.file.getvalue().count("an epoch takes 3.0 s, 200 of them at most 10 min") == 1


def test_a_table_without_header_in_cp1252_with_dates_and_many_names(run, tmp_path):
    """From the file to predictions, with all that a table may bring."""
    draw = np.random.default_rng(0)
    towns = [f"Ort-Ä{i}" for i in draw.integers(0, 150, 400)]
    days = pd.Timestamp(2024, 1, 1) + pd.to_timedelta(draw.integers(0, 700, 400), "D")
    table = pd.DataFrame(
        {"town": towns, "day": days.strftime("%d.%m.%Y"), "y": draw.normal(size=400)}
    )
    text = table.to_csv(index=False, header=False, sep=";", decimal=",")
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))
    output = run(f"train t.csv -t c3 --no-header --encoding cp1252 {QUICK}")
    assert "'c2' holds dates" in output
    assert "'c1' has" in output
    output = run(
        "predict t.gpubackprop t.csv --no-header --encoding cp1252 -o out.csv --keep c1,c2"
    )
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == ["c1", "c2", "prediction"]
    assert "Test R²" in output


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


def test_of_several_networks_the_interrupted_one_is_left_out(run, flowers, tmp_path, monkeypatch):
    def interrupt(self, estimator, record):
        if estimator.random_state == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingProgress, "__call__", interrupt)
    output = run(f"train flowers.csv -t kind --networks 4 --test-fraction 0.3 {QUICK}")
    assert "Interrupted: the mean of the finished ones, 2 of 4 networks, is tested" in output
    assert len(model_file.load(tmp_path / "flowers.gpubackprop").networks) == 2


def test_an_interrupt_outside_of_training_ends_quietly(run, flowers, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_file, "save", interrupt)
    assert "Interrupted" in run(f"train flowers.csv -t kind {QUICK}", code=130)


def test_without_matplotlib_the_rest_goes_on(run, flowers, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    output = run("train flowers.csv -t kind --epochs 3")
    assert "pip install matplotlib" in output
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
        ("flowers.csv -t kind --compare --preset tabular", "--preset scikit-learn"),
        ("flowers.csv -t kind --compare --networks 2 --preset scikit-learn", "one network"),
        ("flowers.csv -t kind -o none/model", "there is no folder"),
        ("flowers.csv -t kind -o ../{folder}/flowers.csv", "would be overwritten"),
        ("flowers.csv -t kind --plot none/loss.png", "there is no folder"),
        ("flowers.csv -t kind --device abacus", "abacus"),
        ("flowers.csv -t kind --backend abacus", "abacus"),
        ("flowers.csv -t kind --learning-rate -1", "--learning-rate -1: a number above 0"),
        ("flowers.csv -t kind --learning-rate 0", "--learning-rate 0: a number above 0"),
        ("flowers.csv -t kind --learning-rate nan", "--learning-rate nan: a number above 0"),
        ("flowers.csv -t kind --test short.csv", "Error: short.csv: no column is named 'kind'"),
        (
            "flowers.csv -t kind --test wrong.csv",
            "wrong.csv: column 'long', row 2 after the header",
        ),
        ("bare.csv -t kind", "If the table has no header row: --no-header."),
        ("flowers.csv -t kind --test flowers.csv --test-fraction 0.5", "choose"),
        ("--test flowers.csv", "--test is about a table"),
        ("flowers.csv -t kind --drop long,wid", "Did you mean 'wide'?"),
        ("flowers.csv -t long --learning-rate 1e200", "Lower --learning-rate"),
        ("short.csv -t y", "at least 10"),
        ("none.csv -t y", "no such file"),
        ("--target kind", "about a table"),
    ],
)
def test_what_the_user_can_cure_is_said_in_a_line(run, flowers, tmp_path, line, words):
    (tmp_path / "short.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "wrong.csv").write_text("long,wide,kind\n1,2,iris\ntall,3,iris\n")
    (tmp_path / "bare.csv").write_text("Oslo,1.5,rose\nOslo,1.5,rose\n")
    output = run(f"train {line} --epochs 3".format(folder=tmp_path.name), code=1)
    assert words in output
    assert output.splitlines()[-1].startswith("Error: ")
    assert not list(tmp_path.glob("*.gpubackprop"))


def test_the_backups_of_several_networks_are_removed_with_their_folders(run, flowers):
    run(f"train flowers.csv --target kind --networks 3 --backup state {QUICK}")
    assert os.listdir("state") == []


def test_a_backup_is_removed_at_the_end_and_looked_for_at_the_start(run, flowers, tmp_path):
    command = f"train flowers.csv --target kind --backup state -o m.gpubackprop {QUICK}"
    run(command)
    assert os.listdir("state") == []
    (tmp_path / "state" / "fit.backup").write_bytes(b"")
    (tmp_path / "state" / "fit.backup").chmod(0o600)
    assert "fit.backup cannot be gone on from" in " ".join(run(command, code=1).split())
