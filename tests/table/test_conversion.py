import numpy as np
import pandas as pd
import pytest

from gpubackprop.table import Column, TableError, features, fit_preprocessor, preprocessor
from gpubackprop.table.conversion import MAX_CATEGORIES, to_numbers

COLUMNS = (Column("n", "number"), Column("b", "boolean"), Column("c", "category"))


def test_features_convert_each_kind():
    table = pd.DataFrame(
        {
            "c": ["x", None, "7", "NA"],
            "n": ["1", "2.5", None, "NA"],
            "b": ["yes", "False", None, "?"],
            "more": 0,
        }
    )
    found = features(table, COLUMNS)
    assert list(found.columns) == ["n", "b", "c"]
    np.testing.assert_array_equal(found["n"], [1.0, 2.5, np.nan, np.nan])
    np.testing.assert_array_equal(found["b"], [1.0, 0.0, np.nan, np.nan])
    assert found["c"].tolist() == ["x", "(missing)", "7", "NA"]


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


def test_dates_and_gaps_become_numbers():
    columns = [
        Column("n", "number", ("missing",)),
        Column("d", "date, day first", ("year", "month", "day", "weekday", "hour", "days")),
    ]
    table = pd.DataFrame({"n": [1.5, None], "d": ["3.1.1970 18:00", None]})
    found = features(table, columns)
    assert list(found.columns)[:3] == ["n", "n (missing)", "d (year)"]
    np.testing.assert_array_equal(found["n (missing)"], [0, 1])
    np.testing.assert_array_equal(found.iloc[0, 2:], [1970, 1, 3, 5, 18, 2.75])  # a Saturday
    assert found.iloc[1, 2:].isna().all()


def test_a_part_never_takes_the_name_of_a_column():
    columns = [Column("n", "number", ("missing",)), Column("n (missing)", "number")]
    table = pd.DataFrame({"n": [1.0, None], "n (missing)": [7.0, 8.0]})
    found = features(table, columns)
    assert found.shape == (2, 3)
    assert found["n (missing)"].tolist() == [7, 8]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_rows_own_target_is_no_part_of_its_categorys_average(task):
    """Categories of one row each tell nothing: where they leaked, they would tell all."""
    draw = np.random.default_rng(0)
    columns = [Column("town", "many categories")]
    rows = pd.DataFrame({"town": [f"t{i}" for i in range(300)]})
    target = draw.normal(size=300) if task == "regression" else draw.integers(0, 3, 300)
    target[:1] = 3  # of one row: no fold may lose this class
    prepare = preprocessor(columns, task)
    inputs = fit_preprocessor(prepare, rows, target)
    assert inputs.shape == (300, 1 if task == "regression" else 4)
    again = prepare.transform(rows)
    truth = target if task == "regression" else target == 1
    leaked = again[:, 0] if task == "regression" else again[:, 1]
    kept = inputs[:, 0] if task == "regression" else inputs[:, 1]
    assert np.corrcoef(leaked, truth)[0, 1] > 0.9
    assert np.corrcoef(kept, truth)[0, 1] < 0.2


def test_a_number_whose_square_overflows_is_refused_with_its_row():
    column = pd.Series([1.0, 2e300], name="mass")
    with pytest.raises(TableError, match=r"column 'mass', .*: 2e\+300 is too large a number"):
        to_numbers(column)
