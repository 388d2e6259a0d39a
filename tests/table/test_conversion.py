import numpy as np
import pandas as pd
import pytest

from gpubackprop.table import Column, TableError, features, preprocessor
from gpubackprop.table.conversion import MAX_CATEGORIES

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
