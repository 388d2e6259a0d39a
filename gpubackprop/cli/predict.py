"""``gpubackprop predict``: a saved model's answers for a table's rows."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.options import check_output
from gpubackprop.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

    from gpubackprop.table.model_file import Bundle


def predict(
    model: Annotated[Path, typer.Argument(help="A file that 'gpubackprop train' saved.")],
    table: Annotated[Path, typer.Argument(help="A CSV or Parquet file with the model's columns.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here (.csv or .parquet); else to the terminal."),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Add the probability of each class.")
    ] = False,
) -> None:
    """Predict the target for every row of a table."""
    from gpubackprop.table import read_table

    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    if output is not None:
        check_output(output, model, table)
    bundle = _load(model, notes)
    if proba and bundle.task == "regression":
        raise UserError(f"{model} predicts a quantity, not classes: leave out --proba.")
    texts = [column.name for column in bundle.columns if column.kind == "category"]
    rows = read_table(table, text=texts)
    answer = _answer(bundle, rows, proba)
    _note_extra_columns(rows, bundle, notes)
    if output is None:
        sys.stdout.write(_as_csv(answer))
        return
    write_atomically(output, _encoded(answer, output))
    notes.print(f"{len(answer)} predictions of {escape(bundle.target)}: {escape(str(output))}")


def _load(path: Path, notes: Console) -> Bundle:
    from gpubackprop.table.model_file import current_versions, load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, one for each part; said once below
        bundle = load(path)
    for name, now in current_versions().items():
        if (then := bundle.versions.get(name)) != now:
            notes.print(
                f"Note: {escape(str(path))} was trained with {name} {then}, this is {now}. If the "
                "predictions look wrong, train again."
            )
    return bundle


def _note_extra_columns(rows: pd.DataFrame, bundle: Bundle, notes: Console) -> None:
    from gpubackprop.table import listing

    known = {column.name for column in bundle.columns}
    if extra := [name for name in rows.columns if name not in known]:
        notes.print(f"Columns the model does not use: {escape(listing(extra))}")


def _answer(bundle: Bundle, rows: pd.DataFrame, proba: bool) -> pd.DataFrame:
    import pandas as pd

    answer = pd.DataFrame({"prediction": bundle.predict(rows)})
    if proba:
        names = [f"probability_{label}" for label in bundle.labels]
        chances = pd.DataFrame(bundle.predict_proba(rows), columns=names)
        answer = pd.concat([answer, chances], axis=1)
    return answer


def _encoded(answer: pd.DataFrame, output: Path) -> bytes:
    if output.suffix.lower() not in (".parquet", ".pq"):
        return _as_csv(answer).encode()
    buffer = io.BytesIO()
    answer.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _as_csv(answer: pd.DataFrame) -> str:
    # Eight digits: what a network in single precision knows.
    return str(answer.to_csv(index=False, float_format="%.8g"))
