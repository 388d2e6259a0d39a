"""Tables in column files become rows on disk, once."""

import os
import stat

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from gpubackprop import MLPRegressor, mapped_rows


def values(rows=50):
    rng = np.random.default_rng(0)
    columns = {name: rng.standard_normal(rows) for name in ("a", "b", "y")}
    return {**columns, "whole": np.arange(rows), "word": [f"w{i % 2}" for i in range(rows)]}


@pytest.fixture
def path(tmp_path):
    parquet.write_table(pa.table(values()), tmp_path / "data.parquet", row_group_size=7)
    return tmp_path / "data.parquet"


WANTED = {"columns": ["whole", "b"], "dtype": "float64"}
EXPECTED = np.column_stack([values()["whole"], values()["b"]])


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.arrow"])
def test_rows_are_those_of_the_table(name, tmp_path):
    write = parquet.write_table if name.endswith("parquet") else feather.write_feather
    write(pa.table(values()), tmp_path / name)
    X, y, names = mapped_rows(tmp_path / name, "y", **WANTED)
    np.testing.assert_array_equal(X, EXPECTED)
    np.testing.assert_array_equal(y, values()["y"])
    assert names == ("whole", "b")
    assert isinstance(X, np.memmap)
    assert X.flags.c_contiguous


def test_they_are_written_once_and_again_when_the_table_is_newer(path):
    mapped_rows(path, **WANTED)
    (kept,) = path.parent.glob("*.rows")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    first = kept.stat().st_ino
    mapped_rows(path, **WANTED)
    assert kept.stat().st_ino == first
    parquet.write_table(pa.table(values(rows=9)), path)
    os.utime(path, ns=(0, kept.stat().st_mtime_ns + 1))
    assert len(mapped_rows(path, **WANTED).X) == 9


def test_other_columns_have_rows_of_their_own(path, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    one = mapped_rows(path, columns=["a"], scratch=scratch).X
    other = mapped_rows(path, columns=["b"], scratch=scratch).X
    assert not np.array_equal(one, other)
    assert len(list(scratch.iterdir())) == 2


def test_a_fit_of_them_is_a_fit_of_the_array(path):
    X, y, _ = mapped_rows(path, "y", **WANTED)
    params = {"hidden_layer_sizes": (4,), "max_iter": 5, "tol": 1e9, "n_iter_no_change": 2}
    on_disk = MLPRegressor(random_state=0, **params).fit(X, y)
    assert (
        on_disk.loss_curve_ == MLPRegressor(random_state=0, **params).fit(X.copy(), y).loss_curve_
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "column 'word' of .* holds string, no numbers"),
        ({"target": "z"}, "has no column 'z'"),
        ({"columns": ["q"]}, "has no column 'q'"),
        ({"dtype": "int8"}, "dtype must be float32 or float64, got int8"),
    ],
)
def test_what_cannot_be_read(path, arguments, words):
    with pytest.raises(ValueError, match=words):
        mapped_rows(path, **arguments)


def test_another_kind_of_file(tmp_path):
    with pytest.raises(ValueError, match=r"path must end in \.parquet, \.feather, \.arrow, got"):
        mapped_rows(tmp_path / "data.csv")


def test_rows_that_others_may_write_are_refused(path):
    mapped_rows(path, **WANTED)
    (kept,) = path.parent.glob("*.rows")
    kept.chmod(0o620)
    with pytest.raises(ValueError, match="other users may write it; name another folder"):
        mapped_rows(path, **WANTED)
