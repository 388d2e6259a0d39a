import io

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import r2_score, root_mean_squared_error

from gpubackprop.cli.report import plain, print_confusions, scores, trivial_scores


def printed(truth, predicted, width=120):
    console = Console(file=io.StringIO(), width=width)
    print_confusions(console, np.array(truth), np.array(predicted))
    return console.file.getvalue()


def test_scores_are_scikit_learns():
    draw = np.random.default_rng(0)
    truth, predicted = draw.normal(5, 2, 50), draw.normal(5, 2, 50)
    found = scores("regression", truth, predicted)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(truth, predicted))
    assert found["r2"] == pytest.approx(r2_score(truth, predicted))
    labels = np.array(["a", "b", "a", "c"])
    assert scores("classification", labels, np.array(["a", "b", "b", "c"])) == {"accuracy": 0.75}


def test_the_trivial_guess_is_learnt_from_the_training_rows():
    train, test = np.array(["a", "a", "b"]), np.array(["b", "b", "b", "a"])
    assert trivial_scores("classification", train, test) == {"accuracy": 0.25}
    found = trivial_scores("regression", np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    assert found["rmse"] == pytest.approx(2**0.5)


def test_a_class_that_was_never_true_has_its_column():
    lines = [line for line in printed(["a", "b"], ["a", "[c]"]).splitlines() if "│" in line]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert cells == [
        ["", "[c]", "a", "b", "found"],
        ["[c]", "·", "·", "·", "-"],
        ["a", "·", "1", "·", "100%"],
        ["b", "1", "·", "·", "0%"],
    ]


def test_many_classes_get_a_list_of_the_commonest_confusions():
    truth = list(range(30)) * 2
    predicted = truth.copy()
    predicted[3] = predicted[33] = 4
    predicted[7] = 8
    text = printed(truth, predicted)
    assert "3 confusions among 30 classes" in text
    rows = [[c.strip() for c in line.strip("│").split("│")] for line in text.splitlines()]
    assert rows.index(["3", "4", "2"]) < rows.index(["7", "8", "1"])
    assert "None of the 30 classes" in printed(truth, truth)


def test_a_matrix_that_does_not_fit_is_a_list():
    truth = [f"a_kind_of_iris_{n}" for n in range(5)]
    assert "Confusion matrix" in printed(truth, truth[::-1], width=150)
    narrow = printed(truth, truth[::-1], width=80)
    assert "4 confusions among 5 classes" in narrow
    assert sum("a_kind_of_iris_3 │ a_kind_of_iris_1" in line for line in narrow.splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "text"), [(33790.4, "33790"), (0.00123456, "0.001235"), (1.5, "1.5")]
)
def test_plain_numbers(value, text):
    assert plain(value) == text
