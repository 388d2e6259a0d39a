import io

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import r2_score, root_mean_squared_error

from gpubackprop.cli.report import plain, print_confusions, print_test, shortened
from gpubackprop.cli.scores import Outcome, Part, scores


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


def trivial_scores(task, train, truth):
    return Outcome(task, [Part(np.array(train), np.array(truth), np.array(truth))]).trivial_scores()


def test_the_trivial_guess_is_learnt_from_the_training_rows():
    found = trivial_scores("classification", ["a", "a", "b"], ["b", "b", "b", "a"])
    assert found == {"accuracy": 0.25}
    assert trivial_scores("regression", [1.0, 3.0], [2.0, 4.0])["rmse"] == pytest.approx(2**0.5)


def test_the_interval_of_an_accuracy_is_the_binomials():
    truth = np.arange(400) < 300
    part = Part(truth, truth, np.full(400, True))
    low, high = Outcome("classification", [part]).interval()["accuracy"]
    deviation = (0.75 * 0.25 / 400) ** 0.5
    assert low == pytest.approx(0.75 - 1.96 * deviation, abs=0.006)
    assert high == pytest.approx(0.75 + 1.96 * deviation, abs=0.006)


def test_several_parts_have_a_mean_and_a_deviation():
    parts = [
        Part(np.array([0]), np.array([0, 0, 1, 1]), np.array([0, 0, 0, right])) for right in (0, 1)
    ]
    test = Outcome("classification", parts)
    assert test.scores() == {"accuracy": 0.625}
    assert test.spread()["accuracy"] == pytest.approx(0.25 / 2**0.5)


@pytest.mark.parametrize(
    ("predicted", "words"),
    [
        ([3.0, 2.0, 1.0], "Worse than always guessing the mean."),
        ([2.0, 2.0, 2.0], "No better than always guessing the mean."),
        ([1.0, 2.0, 3.5], "Test R² 0.875"),
    ],
)
def test_what_is_no_better_than_a_guess_is_said_first(predicted, words):
    console = Console(file=io.StringIO(), width=120)
    truth = np.array([1.0, 2.0, 3.0])
    print_test(console, Outcome("regression", [Part(truth, truth, np.array(predicted))]))
    first = console.file.getvalue().strip().splitlines()[0]
    assert first.startswith(words)


@pytest.mark.parametrize("width", [24, 12, 7])
def test_shortened_names_still_differ(width):
    names = ["Department of Law", "Department of Art", "Law of the Department", "short"]
    short = shortened(names, width)
    assert len(set(short)) == 4
    assert max(map(len, short)) <= width
    assert short[3] == "short"


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
    assert "a_kind_of_iris_0" in printed(truth, truth[::-1], width=150)
    short = printed(truth, truth[::-1], width=80)
    assert "Confusion matrix" in short
    assert max(map(len, short.splitlines())) <= 80
    narrow = printed(truth, truth[::-1], width=50)
    assert "4 confusions among 5 classes" in narrow
    assert sum("a_kind_of_iris_3 │ a_kind_of_iris_1" in line for line in narrow.splitlines()) == 1


def test_classes_of_several_words_stay_on_a_line():
    truth = [f"{name} penguin (Pygoscelis)" for name in ("Adelie", "Chinstrap", "Gentoo")]
    lines = printed(truth, truth, width=80).splitlines()
    assert sum(line.startswith("│") for line in lines) == 1 + len(truth)


@pytest.mark.parametrize(
    ("value", "text"), [(33790.4, "33790"), (0.00123456, "0.001235"), (1.5, "1.5")]
)
def test_plain_numbers(value, text):
    assert plain(value) == text
