import numpy as np
import pandas as pd
import pytest

from gpubackprop.table import TableError, describe, read_target

N = 60


def kinds(columns, **options):
    return {c.name: c.kind for c in described(columns, **options).columns}


def described(columns, **options):
    """Describe a table of these columns and a target."""
    return describe(pd.DataFrame({**columns, "y": 0}), "y", **options)


def test_kinds_of_columns():
    columns = {
        "number": np.linspace(0, 1, N),
        "gaps": [None, 1.5, 2.5] * (N // 3),
        "truth": [True, False] * (N // 2),
        "truth with gaps": [True, False, None] * (N // 3),
        "text": ["a", "b", None] * (N // 3),
        "codes": pd.Categorical([1, 2, 3] * (N // 3)),
    }
    assert kinds(columns) == {
        "number": "number",
        "gaps": "number",
        "truth": "boolean",
        "truth with gaps": "boolean",
        "text": "category",
        "codes": "category",
    }


def test_useless_columns_are_left_out_and_named():
    description = described(
        {
            "useful": range(N),
            "customer_id": range(N),
            "comment": [f"said {i}" for i in range(N)],
            "same": 1,
            "nothing": [None] * N,
        }
    )
    assert [c.name for c in description.columns] == ["useful"]
    notes = "\n".join(description.notes)
    for name in ("customer_id", "comment", "same", "nothing"):
        assert name in notes


def test_a_text_that_is_present_or_missing_is_not_constant():
    assert kinds({"damage": ["yes", None] * (N // 2)}) == {"damage": "category"}


def test_an_all_different_number_is_kept_unless_it_is_named_an_identifier():
    assert kinds({"day": range(N)}) == {"day": "number"}


def test_columns_can_be_dropped_or_made_categories():
    columns = {"a": range(N), "zip": [1, 2, 3] * (N // 3)}
    assert kinds(columns, drop=["a"], category=["zip"]) == {"zip": "category"}


def test_many_categories_are_said_to_be_grouped():
    (note,) = described({"city": [f"c{i % 150}" for i in range(600)], "x": range(600)}).notes
    assert "150 categories" in note


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-01-02", "2024-01-03"],
        ["2024-01-02 10:30:00", "2024-01-03T11:00"],
        ["1.12.2023", "24.12.2023"],
        ["1/2/24", "12/31/24"],
        pd.to_datetime(["2024-01-02", "2024-01-03"]),
    ],
)
def test_dates_are_refused_with_a_hint(dates):
    with pytest.raises(TableError, match=r"'when' holds dates .*row 1.*--drop when"):
        described({"when": list(dates) * (N // 2)})


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ("12,5", r"row 5 .*'12,5' is not a number \(decimals take a point: 12\.5\)"),
        ("3 kg", r"row 5 .*'3 kg' is not a number"),
        ("n.d.", r"row 5 .*'n\.d\.' is not a number"),
    ],
)
def test_a_text_among_numbers_is_pointed_at(odd, words):
    values = [str(i) for i in range(N)]
    values[4] = odd
    with pytest.raises(TableError, match=words):
        described({"weight": values})


def test_numbers_all_with_units_are_pointed_at():
    with pytest.raises(TableError, match="'0%' is not a number"):
        described({"share": [f"{i}%" for i in range(N)]})


def test_sizes_that_start_with_a_digit_are_categories():
    assert kinds({"rank": ["1st", "2nd", "3rd"] * (N // 3)}) == {"rank": "category"}


def test_infinity_is_pointed_at():
    values = np.arange(float(N))
    values[7] = -np.inf
    with pytest.raises(TableError, match=r"'x', row 8 .*infinite"):
        described({"x": values})


@pytest.mark.parametrize(
    ("values", "kind"), [([[1], [1, 2]], "list"), ([(1,), (1, 2)], "tuple"), ([1, "a"], "int")]
)
def test_values_that_are_neither_number_nor_text_are_refused(values, kind):
    with pytest.raises(TableError, match=f"holds {kind} values.*--drop x"):
        described({"x": values * (N // 2)})


def test_a_missing_column_lists_near_names():
    table = pd.DataFrame({"Price": [1, 2], "rooms": [1, 2]})
    with pytest.raises(TableError, match=r"'prize'\. Did you mean 'Price'\? Columns: Price, rooms"):
        describe(table, "prize")


def test_no_column_left_is_an_error():
    with pytest.raises(TableError, match="no column is left"):
        described({"x": [1] * N})


# -- the target -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 30, "classification"),
        ([True, False] * 30, "classification"),
        ([0, 1, 2] * 20, "classification"),
        ([0.0, 1.0] * 30, "classification"),
        ([0.5, 1.0] * 30, "regression"),
        (list(range(60)), "regression"),
        (list(range(20)) * 3, "regression"),  # whole numbers, but three rows each
        (list(range(20)) * 5, "classification"),
        (list(range(21)) * 5, "regression"),
    ],
)
def test_the_task_follows_from_the_target(values, task):
    assert read_target(pd.DataFrame({"y": values}), "y").task == task


def test_the_task_can_be_told():
    whole = pd.DataFrame({"y": [0, 1, 2] * 20})
    assert read_target(whole, "y", "regression").values.dtype == np.float64
    halves = pd.DataFrame({"y": [0.5, 1.5] * 30})
    assert set(read_target(halves, "y", "classification").values) == {"0.5", "1.5"}


def test_labels_keep_their_type():
    assert read_target(pd.DataFrame({"y": [3.0, 4.0] * 30}), "y").values.dtype == np.int64
    assert set(read_target(pd.DataFrame({"y": [True, False] * 30}), "y").values) == {
        "True",
        "False",
    }


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        (["a"] * N, None, "every row holds 'a'"),
        ([f"t{i}" for i in range(N)], None, "too many to be classes"),
        ([str(i) for i in range(N - 1)] + ["?!"], None, "row 60 .*'\\?!' is not a number"),
        (["a", "b"] * (N // 2), "regression", "row 1 .*'a' is not a number"),
    ],
)
def test_unsuitable_targets(values, task, words):
    with pytest.raises(TableError, match=words):
        read_target(pd.DataFrame({"y": values}), "y", task)
