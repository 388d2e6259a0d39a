import bz2
import gzip
import io
import lzma
import sys
import zipfile

import pandas as pd
import pyarrow.ipc
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


@pytest.mark.parametrize("blank", [" ", "\t"])
def test_columns_set_out_with_blanks(tmp_path, blank):
    text = f'"a b"{blank}c   d\n1 x{blank}2.5\n 10 y  "3 4"\n'
    table = read_table(written(tmp_path, text))
    assert list(table.columns) == ["a b", "c", "d"]
    assert table["a b"].tolist() == [1, 10]


@pytest.mark.parametrize("mark", [" ", ",", "\t"])
@pytest.mark.parametrize("names", [("Mazda RX4", "Fiat 128"), ("1", "2")])
def test_rows_that_r_has_named_have_one_field_more_than_the_header(tmp_path, mark, names):
    lines = [["mpg", "gear"], [names[0], "21", "4"], [names[1], "32.4", "5"]]
    text = "\n".join(mark.join(f'"{field}"' for field in line) for line in lines)
    table = read_table(written(tmp_path, text))
    assert list(table.columns) == ["Unnamed: 0", "mpg", "gear"]
    assert table["mpg"].tolist() == [21, 32.4]


def test_a_separator_at_the_end_of_every_row_makes_no_column(tmp_path):
    table = read_table(written(tmp_path, "a,b\nx,2,\ny,3,\n"))
    assert table.to_dict("list") == {"a": ["x", "y"], "b": [2, 3]}


def test_a_single_column_of_phrases_is_one_column(tmp_path):
    table = read_table(written(tmp_path, "title\nthe sea\nthe wide land\n"))
    assert table["title"].tolist() == ["the sea", "the wide land"]


def test_a_byte_order_mark_and_spaces_after_commas_are_not_data(tmp_path):
    table = read_table(written(tmp_path, b"\xef\xbb\xbfa, b \n1, x \n2, \n"))
    assert list(table.columns) == ["a", "b"]
    assert table["b"].tolist()[0] == "x"
    assert table["b"].isna().tolist() == [False, True]


@pytest.mark.parametrize("word", ["NA", "None", "?", "null"])
def test_a_word_is_missing_among_numbers_and_a_text_among_texts(tmp_path, word):
    table = read_table(written(tmp_path, f"n,t\n1,{word}\n{word},x\n3,\n"))
    assert table["n"].isna().tolist() == [False, True, False]
    assert table["t"].tolist()[:2] == [word, "x"]
    assert table["t"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("a;b\n1,5;x\n-2,25;y\n", [1.5, -2.25]),
        ("a\tb\n1,5\tx\n2\ty\n", [1.5, 2.0]),
        ('a,b\n"1,5",x\n"12,25",y\n', [1.5, 12.25]),
        ('a,b\n"1,500",x\n"12,250.5",y\n', [1500.0, 12250.5]),
        ("a|b\n1.5|x\n2.5|y\n", [1.5, 2.5]),
    ],
)
def test_commas_within_numbers(tmp_path, content, numbers):
    assert read_table(written(tmp_path, content))["a"].tolist() == numbers


@pytest.mark.parametrize(
    "top",
    [
        "# made in 2024, by hand\n# second; line\n",
        "Sales of 2024\n",
        "\n\n",
        "# comment\nA title\n\n",
        "Sales,,\n",
    ],
)
def test_comments_and_a_title_above_the_header(tmp_path, top):
    table = read_table(written(tmp_path, top + "a,b,c\n1,x,2\n3,y,4\n"))
    assert list(table.columns) == ["a", "b", "c"]
    assert table["c"].tolist() == [2, 4]


def test_a_broken_line_is_counted_from_the_files_top(tmp_path):
    with pytest.raises(TableError, match="Expected 2 fields in line 5, saw 3"):
        read_table(written(tmp_path, "# made by hand\n\na,b\n1,2\n3,4,5\n"))


def test_columns_without_a_header_are_counted(tmp_path):
    table = read_table(written(tmp_path, "5.1,setosa\n4.9,virginica\n"), header=False)
    assert list(table.columns) == ["c1", "c2"]
    assert table["c1"].tolist() == [5.1, 4.9]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8-sig", None), ("utf-16", None), ("cp1252", "cp1252"), ("utf-16-le", "utf-16-le")],
)
def test_encodings(tmp_path, encoding, told):
    path = written(tmp_path, "city,y\nZürich,1\n".encode(encoding))
    assert read_table(path, encoding=told)["city"].tolist() == ["Zürich"]


FLOWERS = pd.DataFrame({"size": [1.5, 2.0, None], "kind": ["rose", None, "lily"]})
CSV = FLOWERS.to_csv(index=False).encode()
ARFF = b"% flowers\n@relation f\n@attribute size real\n@attribute kind {rose,lily}\n@data\n"
ARFF += b"1.5,rose\n2,?\n?,lily\n"


def in_a_zip(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("flowers.csv", data)
        archive.writestr("__MACOSX/._flowers.csv", b"junk")
    return buffer.getvalue()


def as_excel(table):
    buffer = io.BytesIO()
    table.to_excel(buffer, index=False)
    return buffer.getvalue()


def as_arrow_stream(table):
    buffer, rows = io.BytesIO(), pyarrow.Table.from_pandas(table)
    with pyarrow.ipc.new_stream(buffer, rows.schema) as stream:
        stream.write_table(rows)
    return buffer.getvalue()


def by_pandas(write, **options):
    def encoded(table):
        buffer = io.BytesIO()
        getattr(table, write)(buffer, **options)
        return buffer.getvalue()

    return encoded


FORMS = {
    "csv.gz": lambda table: gzip.compress(CSV),
    "csv.bz2": lambda table: bz2.compress(CSV),
    "csv.xz": lambda table: lzma.compress(CSV),
    "zip": lambda table: in_a_zip(CSV),
    "parquet": by_pandas("to_parquet"),
    "feather": by_pandas("to_feather"),
    "arrow": as_arrow_stream,
    "arff": lambda table: ARFF,
    "dta": by_pandas("to_stata", write_index=False),
    "json": by_pandas("to_json", orient="records"),
    "jsonl": by_pandas("to_json", orient="records", lines=True),
    "jsonl.gz": lambda table: gzip.compress(FORMS["jsonl"](table)),
    "data": lambda table: CSV,
}


@pytest.mark.parametrize("ending", FORMS)
def test_every_form_is_read_alike(tmp_path, ending):
    table = read_table(written(tmp_path, FORMS[ending](FLOWERS), f"flowers.{ending}"))
    pd.testing.assert_frame_equal(table, FLOWERS, check_dtype=False)


@pytest.mark.parametrize("first", ["red", "'dark blue'", '"dark blue"'])
def test_texts_of_arff_are_in_either_quotes_whatever_the_first_row_has(tmp_path, first):
    head = (
        "@relation f\n@attribute 'the hue' {red, 'dark blue', 'a, b'}\n@attribute n real\n@data\n"
    )
    rows = f"{first},1\n'dark blue',2\n\"dark blue\",3\nred,4\n'a, b' ,5\n"
    table = read_table(written(tmp_path, (head + rows).encode(), "flowers.arff"))
    expected = [first.strip("'\""), "dark blue", "dark blue", "red", "a, b"]
    assert list(table["the hue"]) == expected
    assert list(table["n"]) == [1, 2, 3, 4, 5]


def test_a_file_that_is_no_arff_is_told_of(tmp_path):
    with pytest.raises(TableError, match="no line @data"):
        read_table(written(tmp_path, b"kind\nrose\n", "flowers.arff"))


def test_a_workbook_is_read_with_a_title(tmp_path):
    pytest.importorskip("openpyxl")
    sheet = pd.DataFrame([["Flowers", None], [*FLOWERS.columns], *FLOWERS.values.tolist()])
    buffer = io.BytesIO()
    sheet.to_excel(buffer, index=False, header=False)
    table = read_table(written(tmp_path, buffer.getvalue(), "flowers.xlsx"))
    pd.testing.assert_frame_equal(table, FLOWERS, check_dtype=False)


def test_without_openpyxl_it_is_named(tmp_path, monkeypatch):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("xl/workbook.xml", "")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(TableError, match="pip install openpyxl"):
        read_table(written(tmp_path, archive.getvalue(), "flowers.xlsx"))


@pytest.mark.parametrize("form", ["csv.xz", "parquet", "json"])
def test_standard_input(monkeypatch, form):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FORMS[form](FLOWERS))))
    pd.testing.assert_frame_equal(read_table("-"), FLOWERS, check_dtype=False)


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
        ("t.csv", "5.1,3.5,setosa\n4.9,3.0,setosa\n", "no header row: --no-header"),
        ("t.csv", "17,4,1\n5,6,7\n", "no header row: --no-header"),
        ("t.csv", "a,b,a\n1,2,3\n", "names 'a' more than once"),
        ("t.csv", "a,b\n1,2\n3,4,5\n", "line 3"),
        ("t.csv", "a,b\n1,2,3\n4,5,6\n", "more values than the first row has names"),
        (
            "t.csv",
            b"name,y\nZ\xfcrich,1\n",
            "line 2: byte 0xfc is not UTF-8 .*'Zürich,1'.* --encoding cp1252",
        ),
        ("t.csv.gz", b"\x1f\x8bjunk", "cannot be read"),
        ("t.zip", b"PK\x03\x04junk", "cannot be read"),
        ("t.json", '{"a": [1, 2', "not a readable JSON file"),
        ("t.xls", b"\xd0\xcf\x11\xe0junk", "Excel file of before 2007"),
        ("t.bin", b"a\x00b", "bytes that no text has"),
        ("t.sav", b"a\x00\xff", "bytes that no text has"),
        ("t.csv", "# a\n# b\n", "comments only"),
        ("t.parquet", b"PAR1 and then something else", "not a readable Parquet file"),
        ("t.arrow", b"ARROW1junk", "not a readable Arrow file"),
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


def test_an_address_is_refused_with_the_command_that_downloads_it():
    with pytest.raises(TableError, match=r"curl -LO https://example\.org/t\.csv"):
        read_table("https://example.org/t.csv")


def test_an_archive_of_several_tables(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    with pytest.raises(TableError, match=r"t\.zip: holds 2 files \(a\.csv, b\.csv\)"):
        read_table(tmp_path / "t.zip")


def test_an_unknown_encoding(tmp_path):
    with pytest.raises(TableError, match="--encoding klingon: no such encoding"):
        read_table(written(tmp_path, CSV), encoding="klingon")
