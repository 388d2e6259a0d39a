import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from gpubackprop.table import model_file


@pytest.fixture(scope="module")
def kept():
    """The file of the first model that is trained, for all tests."""
    return []


@pytest.fixture
def flower_model(run, flowers, kept, tmp_path):
    file = tmp_path / "model"
    if not kept:
        run("train flowers.csv -t kind --no-plot --epochs 30 -o model --test-fraction 0.2")
        kept.append(file.read_bytes())
    file.write_bytes(kept[0])


def test_classes_with_their_probabilities(run, flower_model, flowers, tmp_path):
    output = run("predict model flowers.csv --proba -o out.csv")
    assert "90 predictions of kind: out.csv" in output
    assert re.search(r"Test accuracy [01]\.\d+ \(.*\) on 90 rows", output)
    assert "does not use" not in output
    answer = pd.read_csv(tmp_path / "out.csv")
    names = ["probability_iris", "probability_lily", "probability_rose"]
    assert list(answer.columns) == ["prediction", *names]
    np.testing.assert_allclose(answer[names].sum(axis=1), 1, atol=1e-6)
    best = answer[names].idxmax(axis=1).str.removeprefix("probability_")
    assert (best == answer["prediction"]).all()
    assert (answer["prediction"] == flowers["kind"]).mean() > 0.8


def test_the_terminal_gets_a_table_when_no_file_is_named(run, flower_model, flowers, tmp_path):
    flowers[["long", "wide"]].head(3).to_csv(tmp_path / "new.csv", index=False)
    lines = run("predict model new.csv").splitlines()
    assert lines[0] == "prediction"
    assert len(lines) == 5
    assert lines[-1].startswith("Next: gpubackprop info model")


def test_columns_are_found_by_name_not_by_place(run, flower_model, flowers, tmp_path):
    flowers[["wide", "long"]].to_csv(tmp_path / "turned.csv", index=False)
    flowers[["long", "wide"]].to_csv(tmp_path / "in_order.csv", index=False)
    in_order = run("predict model in_order.csv").splitlines()
    assert len(in_order) == 92
    assert run("predict model turned.csv").splitlines() == in_order


def test_parquet_in_and_out(run, flower_model, flowers, tmp_path):
    flowers.to_parquet(tmp_path / "f.parquet")
    run("predict model f.parquet -o out.parquet")
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 90


def test_quantities_gaps_and_unseen_categories(run, houses, tmp_path):
    run("train houses.csv -t price --no-plot --epochs 5 -o model --test-fraction 0.2")
    new = "area,city,garden\n100,Oslo,True\n,Paris,\n120,,no\n"
    (tmp_path / "new.csv").write_text(new)
    output = run("predict model new.csv -o out.csv")
    assert "city holds what no training row held: 'Paris' (1 row)" in output
    values = pd.read_csv(tmp_path / "out.csv")["prediction"]
    assert len(values) == 3
    assert all(3e5 < value < 1.5e6 for value in values)


def test_categories_that_look_like_numbers_match(run, flowers, tmp_path):
    flowers["zip"] = np.where(flowers["kind"] == "rose", "0123", "0456")
    flowers.to_csv(tmp_path / "flowers.csv", index=False)
    run(
        "train flowers.csv -t kind --category zip --drop long --no-plot --epochs 30 -o model "
        "--test-fraction 0.2"
    )
    encoder = model_file.load(tmp_path / "model").prepare.named_transformers_["categories"]
    assert encoder.categories_[0].tolist() == ["0123", "0456"]
    run("predict model flowers.csv -o out.csv")
    predicted = pd.read_csv(tmp_path / "out.csv")["prediction"]
    assert ((predicted == "rose") == (flowers["kind"] == "rose")).all()


def test_the_digits_model_reads_pixels_by_name(run, tmp_path):
    run("train --epochs 5 --no-plot --no-compare")
    frame = load_digits(as_frame=True).frame
    frame.drop(columns="target").to_csv(tmp_path / "pixels.csv", index=False)
    run("predict digits.gpubackprop pixels.csv -o out.csv")
    assert (pd.read_csv(tmp_path / "out.csv")["prediction"] == frame["target"]).mean() > 0.7


@pytest.mark.parametrize(
    ("ending", "read"),
    [
        ("csv", pd.read_csv),
        ("tsv", pd.read_table),
        ("feather", pd.read_feather),
        ("xlsx", pd.read_excel),
        ("jsonl", lambda path: pd.read_json(path, lines=True)),
    ],
)
def test_predictions_are_written_as_their_file_is_named(run, flower_model, tmp_path, ending, read):
    run(f"predict model flowers.csv -o out.{ending} --keep wide,kind")
    answer = read(tmp_path / f"out.{ending}")
    assert list(answer.columns) == ["wide", "kind", "prediction"]
    assert (answer["kind"] == answer["prediction"]).mean() > 0.8


def test_a_model_is_described(run, flower_model):
    output = run("info model")
    units = "2 - 256 - 128 - 3 units"
    for text in ("kind (classification)", "iris, lily, rose", units, "long", "rows"):
        assert text in output


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("model other.csv", "lacks 2 of the 2 columns the model was trained on: long, wide"),
        ("model wrong.csv", "column 'long', row 2 after the header: 'tall' is not a number"),
        ("model none.csv", "no such file"),
        ("model wrong.csv", "wrong.csv: "),
        ("model flowers.csv -o out.doc", "no table is written as .doc"),
        ("model flowers.csv --keep id", "no column is named 'id'"),
        ("none flowers.csv", "No such file"),
        ("flowers.csv flowers.csv", "not a model file"),
        ("model flowers.csv -o none/out.csv", "there is no folder"),
        ("model flowers.csv -o flowers.csv", "would be overwritten"),
    ],
)
def test_what_the_user_can_cure_is_said_in_a_line(run, flower_model, tmp_path, line, words):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "wrong.csv").write_text("long,wide\n1,2\ntall,2\n")
    assert words in run(f"predict {line}", code=1)


def test_a_quantity_has_no_probabilities(run, houses):
    run("train houses.csv -t price --no-plot --epochs 2 -o model --test-fraction 0.2")
    assert "leave out --proba" in run("predict model houses.csv --proba", code=1)


def test_another_version_is_noted_once(run, flower_model, flowers, tmp_path):
    bundle = model_file.load(tmp_path / "model")
    bundle.versions["scikit-learn"] = "1.0"
    model_file.save(bundle, tmp_path / "model")
    output = run("predict model flowers.csv")
    assert output.count("was trained with scikit-learn 1.0") == 1
