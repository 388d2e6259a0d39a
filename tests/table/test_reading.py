import pandas as pd
import pytest

from gpubackprop.table import TableError, read_table


def written(folder, content, name="table.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


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
