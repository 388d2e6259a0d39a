import numpy as np
import pandas as pd
import pytest

from gpubackprop.tabular import (
    MAX_CATEGORIES,
    Column,
    TableError,
    describe,
    features,
    preprocessor,
    read_table,
    read_target,
)

N = 60


def written(folder, content, name="table.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def kinds(table, target=None, **options):
    return {c.name: c.kind for c in describe(table, target, **options).columns}


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_usual_separator_is_found(tmp_path, separator):
    rows = [["a", "b c", "d"], ["1", "x", "2.5"], ["2", "y", ""]]
    path = written(tmp_path, "\n".join(separator.join(row) for row in rows))
    table = read_table(path)
    assert list(table.columns) == ["a", "b c", "d"]
    assert table["d"].tolist()[0] == 2.5
    assert table["d"].isna().tolist() == [False, True]


def test_a_byte_order_mark_and_spaces_after_commas_are_not_data(tmp_path):
    table = read_table(written(tmp_path, b"\xef\xbb\xbfa, b\n1, x\n2, ?\n"))
    assert list(table.columns) == ["a", "b"]
    assert table["b"].tolist()[0] == "x"
    assert table["b"].isna().tolist() == [False, True]


def test_text_columns_keep_leading_zeros(tmp_path):
    table = read_table(written(tmp_path, "zip,y\n0123,1\n0456,2\n"), text=["zip"])
    assert table["zip"].tolist() == ["0123", "0456"]


@pytest.mark.parametrize("header", ["0,1,2", "country,2019,2020"])
def test_counted_names_and_years_are_a_header(tmp_path, header):
    table = read_table(written(tmp_path, f"{header}\n5,6,7\n"))
    assert list(table.columns) == header.split(",")


def test_parquet_reads_as_csv_does(tmp_path):
    table = pd.DataFrame({"a": [1.5, None], "b": ["x", "y"], "c": [True, False]})
    table.to_parquet(tmp_path / "t.parquet")
    table.to_csv(tmp_path / "t.csv", index=False)
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "t.parquet"), read_table(tmp_path / "t.csv"), check_dtype=False
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", "", "the file is empty"),
        ("t.csv", "a,b\n", "a header but no rows"),
        ("t.csv", "5.1,3.5,setosa\n4.9,3.0,setosa\n", "Add a header row"),
        ("t.csv", "17,4,1\n5,6,7\n", "Add a header row"),
        ("t.csv", "a,b,a\n1,2,3\n", "names 'a' more than once"),
        ("t.csv", "a,b\n1,2\n3,4,5\n", "line 3"),
        ("t.csv", "a,b\n1,2,3\n4,5,6\n", "more values than the first row has names"),
        ("t.csv", b"name,y\nZ\xfcrich,1\n", "Save it as UTF-8"),
        ("t.csv.gz", b"a,b\n1,2\n", "cannot be read"),
        ("t.parquet", b"PAR1 and then something else", "not a readable Parquet file"),
        ("t.xlsx", b"PK", "only CSV"),
    ],
)
def test_unreadable_files_are_named_with_the_cure(tmp_path, name, content, words):
    with pytest.raises(TableError, match=words) as error:
        read_table(written(tmp_path, content, name))
    assert name in str(error.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="is a folder"):
        read_table(tmp_path)


# -- describing -----------------------------------------------------------------------------------


def test_kinds_of_columns():
    table = pd.DataFrame(
        {
            "number": np.linspace(0, 1, N),
            "gaps": [None, 1.5, 2.5] * (N // 3),
            "truth": [True, False] * (N // 2),
            "truth with gaps": [True, False, None] * (N // 3),
            "text": ["a", "b", None] * (N // 3),
            "codes": pd.Categorical([1, 2, 3] * (N // 3)),
            "y": range(N),
        }
    )
    assert kinds(table, "y") == {
        "number": "number",
        "gaps": "number",
        "truth": "boolean",
        "truth with gaps": "boolean",
        "text": "category",
        "codes": "category",
    }


def test_useless_columns_are_left_out_and_named():
    table = pd.DataFrame(
        {
            "useful": range(N),
            "customer_id": range(N),
            "comment": [f"said {i}" for i in range(N)],
            "same": 1,
            "nothing": [None] * N,
        }
    )
    description = describe(table, None)
    assert [c.name for c in description.columns] == ["useful"]
    notes = "\n".join(description.notes)
    for name in ("customer_id", "comment", "same", "nothing"):
        assert name in notes


def test_a_text_that_is_present_or_missing_is_not_constant():
    table = pd.DataFrame({"damage": ["yes", None] * (N // 2)})
    assert kinds(table) == {"damage": "category"}


def test_an_all_different_number_is_kept_unless_it_is_named_an_identifier():
    assert kinds(pd.DataFrame({"day": range(N)})) == {"day": "number"}


def test_columns_can_be_dropped_or_made_categories():
    table = pd.DataFrame({"a": range(N), "zip": [1, 2, 3] * (N // 3), "y": range(N)})
    assert kinds(table, "y", drop=["a"], category=["zip"]) == {"zip": "category"}


def test_many_categories_are_said_to_be_grouped():
    table = pd.DataFrame({"city": [f"c{i % 150}" for i in range(600)], "x": range(600)})
    (note,) = describe(table, None).notes
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
    table = pd.DataFrame({"when": list(dates) * (N // 2), "y": range(N)})
    with pytest.raises(TableError, match=r"'when' holds dates .*row 1.*--drop when"):
        describe(table, "y")


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
        describe(pd.DataFrame({"weight": values, "y": range(N)}), "y")


def test_numbers_all_with_units_are_pointed_at():
    table = pd.DataFrame({"share": [f"{i}%" for i in range(N)]})
    with pytest.raises(TableError, match="'0%' is not a number"):
        describe(table, None)


def test_sizes_that_start_with_a_digit_are_categories():
    assert kinds(pd.DataFrame({"rank": ["1st", "2nd", "3rd"] * (N // 3)})) == {"rank": "category"}


def test_infinity_is_pointed_at():
    values = np.arange(float(N))
    values[7] = -np.inf
    with pytest.raises(TableError, match=r"'x', row 8 .*infinite"):
        describe(pd.DataFrame({"x": values}), None)


@pytest.mark.parametrize(
    ("values", "kind"), [([[1], [1, 2]], "list"), ([(1,), (1, 2)], "tuple"), ([1, "a"], "int")]
)
def test_values_that_are_neither_number_nor_text_are_refused(values, kind):
    with pytest.raises(TableError, match=f"holds {kind} values.*--drop x"):
        describe(pd.DataFrame({"x": values * (N // 2)}), None)


def test_a_missing_column_lists_near_names():
    table = pd.DataFrame({"Price": [1, 2], "rooms": [1, 2]})
    with pytest.raises(TableError, match=r"'prize'\. Did you mean 'Price'\? Columns: Price, rooms"):
        describe(table, "prize")


def test_no_column_left_is_an_error():
    with pytest.raises(TableError, match="no column is left"):
        describe(pd.DataFrame({"x": [1] * N, "y": range(N)}), "y")


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


# -- from a table to numbers ----------------------------------------------------------------------

COLUMNS = (Column("n", "number"), Column("b", "boolean"), Column("c", "category"))


def test_features_convert_each_kind():
    table = pd.DataFrame(
        {"c": ["x", None, "7"], "n": ["1", "2.5", None], "b": ["yes", "False", None], "more": 0}
    )
    found = features(table, COLUMNS)
    assert list(found.columns) == ["n", "b", "c"]
    np.testing.assert_array_equal(found["n"], [1.0, 2.5, np.nan])
    np.testing.assert_array_equal(found["b"], [1.0, 0.0, np.nan])
    assert found["c"].tolist() == ["x", "(missing)", "7"]


def test_features_name_what_is_missing_or_wrong():
    with pytest.raises(TableError, match=r"lacks 2 of the 3 columns .*: n, b\. It has: c"):
        features(pd.DataFrame({"c": ["x"]}), COLUMNS)
    with pytest.raises(TableError, match=r"'n', row 2 .*'many'"):
        features(pd.DataFrame({"n": [1, "many"], "b": True, "c": "x"}), COLUMNS)
    with pytest.raises(TableError, match=r"'b', row 1 .*neither true nor false"):
        features(pd.DataFrame({"n": [1], "b": ["perhaps"], "c": "x"}), COLUMNS)


def test_preprocessing_standardises_imputes_and_ignores_the_unseen():
    train = pd.DataFrame(
        {"n": [1.0, 2.0, 3.0, np.nan], "b": [1.0, 0.0, 1.0, np.nan], "c": ["x", "y", "x", "y"]}
    )
    fitted = preprocessor(COLUMNS).fit(train)
    inputs = fitted.transform(train)
    assert inputs.shape == (4, 4)
    np.testing.assert_allclose(inputs[:, 0].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(inputs[:, 0].std(), 1)
    np.testing.assert_allclose(inputs[3, 0], inputs[1, 0])  # the median
    unseen = fitted.transform(pd.DataFrame({"n": [2.0], "b": [1.0], "c": ["z"]}))
    np.testing.assert_array_equal(unseen[0, 2:], [0, 0])


def test_preprocessing_bounds_the_number_of_categories():
    train = pd.DataFrame({"c": [f"c{i}" for i in range(300)]})
    fitted = preprocessor([Column("c", "category")]).fit(train)
    assert fitted.transform(train).shape == (300, MAX_CATEGORIES)


def test_preprocessing_of_one_kind_only():
    inputs = preprocessor(COLUMNS[:1]).fit_transform(pd.DataFrame({"n": [1.0, 3.0]}))
    np.testing.assert_allclose(inputs, [[-1], [1]])
