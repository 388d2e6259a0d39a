import numpy as np
import pandas as pd
import pytest

from gpubackprop.table import Column, TableError, describe, read_target

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
            "PassengerId": range(N),
            "comment": [f"said {i}" for i in range(N)],
            "same": 1,
            "nothing": [None] * N,
        }
    )
    assert [c.name for c in description.columns] == ["useful"]
    notes = "\n".join(description.notes)
    for name in ("customer_id", "PassengerId", "comment", "same", "nothing"):
        assert name in notes


def test_a_text_that_is_present_or_missing_is_not_constant():
    assert kinds({"damage": ["yes", None] * (N // 2)}) == {"damage": "category"}


def test_an_all_different_number_is_kept_unless_it_is_named_an_identifier():
    assert kinds({"day": range(N)}) == {"day": "number"}


def test_columns_can_be_dropped_or_made_categories():
    columns = {"a": range(N), "zip": [1, 2, 3] * (N // 3)}
    assert kinds(columns, drop=["a"], category=["zip"]) == {"zip": "category"}


def test_many_categories_are_said_to_be_averages():
    description = described({"city": [f"c{i % 150}" for i in range(600)], "x": range(600)})
    assert description.columns[0].kind == "many categories"
    assert "150 categories" in description.notes[0]


@pytest.mark.parametrize(
    ("dates", "kind", "parts"),
    [
        (["2024-01-02", "2023-01-02"], "date", ("year", "weekday", "days")),
        (["2024-01-02 10:30:00", "2024-01-03T11:00"], "date", ("day", "weekday", "hour", "days")),
        (["1.12.2023", "24.12.2023"], "date, day first", ("day", "weekday", "days")),
        (["1.12.2023", "2.12.2023"], "date, day first", ("day", "weekday", "days")),
        (["1/2/24", "12/30/24"], "date", ("month", "day", "weekday", "days")),
        (["31/12/24", "1/2/24"], "date, day first", ("month", "day", "weekday", "days")),
        (["Jan 1 2000", "Mar 1 2000"], "date", ("month", "weekday", "days")),
        (["2000-01", "2000-02"], "date", ("month", "weekday", "days")),
        (["2000Q1", "2000Q2"], "date", ("month", "days")),
        (["04-Jan-80", "05-Jan-80"], "date", ("day", "weekday", "days")),
        ([20240102, 20240103], "date", ("day", "weekday", "days")),
        (["2024-01-02", "2024-01-03", None], "date", ("day", "weekday", "days", "missing")),
        (pd.to_datetime(["2024-01-02", "2024-01-03"]), "date", ("day", "weekday", "days")),
        (
            pd.to_datetime(["2024-01-02", "2024-01-03"], utc=True),
            "date",
            ("day", "weekday", "days"),
        ),
    ],
)
def test_dates_become_numbers(dates, kind, parts):
    description = described(
        {"when": list(dates) * (N // len(dates)), "x": range(N // len(dates) * len(dates))}
    )
    assert description.columns[0] == Column("when", kind, parts)
    assert any("'when' holds dates" in note for note in description.notes)


@pytest.mark.parametrize(
    "texts",
    [
        ["12:30", "13:30"],
        ["1-2", "3-4"],
        ["Oslo", "Bergen"],
        ["may", "june"],
        ["2001: A", "Brazil 1985"],
    ],
)
def test_what_is_no_date_stays_a_category(texts):
    assert kinds({"x": texts * (N // 2)}) == {"x": "category"}


def test_a_text_among_dates_is_pointed_at():
    dates = ["2024-01-02", "2024-02-03"] * (N // 2)
    dates[6] = "soon"
    with pytest.raises(TableError, match=r"'when', row 7 .*'soon' is not a date.*--category when"):
        described({"when": dates})


def test_dates_that_could_be_read_in_two_ways_are_spelled():
    notes = described({"when": ["1/2/2024", "3/4/2024"] * (N // 2)}).notes
    assert "'when': 1/2/2024 is read as 02 January 2024" in notes


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("user_id", [7 * (i % 50) for i in range(600)]),
        ("AirlineID", [7 * (i % 50) for i in range(600)]),
        ("ZIP", [10000 + 31 * (i % 60) for i in range(600)]),
        ("s", [1 + i % 150 for i in range(600)]),
    ],
)
def test_numbers_that_may_be_names_are_offered_as_categories(name, values):
    (note,) = described({name: values, "age": [18 + i % 70 for i in range(600)]}).notes
    assert f"if they are names: --category {name}" in note


def test_counts_are_not_taken_for_names():
    counts = [i % 200 if i < 1000 else i % 30 for i in range(4000)]
    assert described({"visits": counts, "x": range(4000)}).notes == ()


def test_words_that_would_be_missing_among_numbers_are_categories_among_texts():
    description = described({"damage": ["None", "None", "Minor", "?"] * (N // 4)})
    assert description.columns[0].parts == ()
    assert "'damage' holds in 30 rows 'None', 15 rows '?': a category" in description.notes[0]


def test_gaps_in_numbers_are_a_column_of_their_own():
    description = described({"x": [None, 1.5, 2.5] * (N // 3), "y2": range(N)})
    assert [column.parts for column in description.columns] == [("missing",), ()]
    assert "with gaps, which become the median and a column of their own: x" in description.notes


def test_several_columns_are_named_in_one_text():
    columns = {"a": range(N), "b": range(N), "last, first": ["u", "v"] * (N // 2)}
    assert list(kinds(columns, drop=["a, b"])) == ["last, first"]
    assert list(kinds(columns, drop=["last, first"])) == ["a", "b"]


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


@pytest.mark.parametrize("odd", ["2A", "91-348", "1/2", "1, 5, 8", "90+"])
@pytest.mark.parametrize("number", ["75", "82.5", None])
def test_codes_of_which_many_are_no_numbers_are_categories(odd, number):
    description = described({"code": ["13", number, "14", odd] * (N // 4)})
    assert description.columns[0].kind == "category"
    assert f"'code' holds numbers and, in 15 rows, texts such as {odd!r}" in description.notes[0]


def test_a_rare_code_that_comes_again_is_no_mistake():
    departments = [str(i % 90) for i in range(20 * N)]
    assert kinds({"code": [*departments, *["2A"] * 6]}) == {"code": "category"}
    with pytest.raises(TableError, match="'2A' is not a number"):
        described({"code": [*departments, *["2A"] * 4]})


def test_codes_are_nearly_all_of_digits():
    tickets = [f"PC {i}" if i % 3 else str(i) for i in range(N)]
    tickets = [*(str(1000 + i) for i in range(2 * N)), *tickets, "LINE"]
    assert "text that differs in nearly every row: ticket" in "".join(
        described({"ticket": tickets, "x": range(len(tickets))}).notes
    )


def test_several_words_among_few_numbers_are_categories():
    results = ["1", "2", "3", "4", "DQ", "NS"] * (N // 6)
    with pytest.raises(TableError, match="'DQ' is not a number"):
        described({"place": results})
    assert kinds({"place": [*results, *["DD"] * 6]}) == {"place": "category"}


@pytest.mark.parametrize("odd", ["n.d.", "3%", "2A"])
def test_texts_among_amounts_are_no_codes(odd):
    values = [odd if i % 4 == 2 else str(i / 2) for i in range(N)]
    with pytest.raises(TableError, match=f"row 3 .*{odd!r} is not a number"):
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
    with pytest.raises(TableError, match=r"no column is left .*constant: x\)\.$"):
        described({"x": [1] * N})
    country = [f"country {i}" for i in range(N)]
    with pytest.raises(TableError, match=r"nearly every row: at\)\. .*: --category at"):
        described({"at": country})
    assert kinds({"at": country}, category=["at"]) == {"at": "category"}


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


@pytest.mark.parametrize(
    ("values", "other"),
    [
        ([0, 1, 2] * 20, "regression"),
        (["a", "b"] * 30, None),
        ([0.5, 1.5] * 30, "classification"),
        (np.arange(60) / 2, None),
    ],
)
def test_another_task_is_named_where_the_values_suit_it(values, other):
    found = read_target(pd.DataFrame({"y": values}), "y")
    assert found.other_task == other
    if other:
        assert read_target(pd.DataFrame({"y": values}), "y", other).task == other


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
