"""``gpubackprop predict``: a saved model's predictions for a table's rows."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.options import Encoding, NoHeader, check_output
from gpubackprop.cli.terminal import Terminal, printable
from gpubackprop.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

    from gpubackprop.table.model_file import Bundle


def predict(
    model: Annotated[Path, typer.Argument(help="A file that 'gpubackprop train' saved.")],
    table: Annotated[
        Path,
        typer.Argument(
            help="A table with the model's columns, in any form that 'train' reads; - is standard "
            "input. If it has the target too, the predictions are scored."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to write: .csv, .tsv, .parquet, .feather, .jsonl or .xlsx. Without it: "
            "the terminal, as CSV.",
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="Columns of the table to write beside the predictions, with commas between them."
        ),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Add the probability of each class.")
    ] = False,
    encoding: Encoding = None,
    no_header: NoHeader = False,
) -> None:
    """Predict the target for every row of a table."""
    from gpubackprop.table import counted, naming, read_table, require, split
    from gpubackprop.table.writing import encoder

    notes = Terminal(stderr=True)
    encode = encoder(output)
    if output is not None:
        check_output(output, model, table)
    bundle = _load(model, notes)
    if proba and bundle.task == "regression":
        raise UserError(f"{model} predicts a quantity, not classes: leave out --proba.")
    texts = [column.name for column in bundle.columns if column.is_text]
    rows = read_table(table, text=texts, encoding=encoding, header=not no_header)
    with naming(table):
        kept = split(keep or [], rows.columns)
        require(kept, rows.columns)
        answer = _answer(bundle, rows, proba)
        _note_columns(rows, bundle, kept, notes)
        _score(bundle, rows, answer, notes)
    answer = _beside(rows[kept], answer)
    if output is None:
        sys.stdout.write(printable(encode(answer).decode()))
        sys.stdout.flush()
    else:
        write_atomically(output, encode(answer))
        made = counted(len(answer), "prediction")
        notes.print(escape(f"{made} of {bundle.target}: {output}"))
    notes.print(f"Next: gpubackprop info {escape(str(model))}, what the model was trained on")


def _load(path: Path, notes: Terminal) -> Bundle:
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


def _note_columns(rows: pd.DataFrame, bundle: Bundle, kept: list[str], notes: Terminal) -> None:
    """Say which columns are not used, and which hold categories that are new to the model."""
    from gpubackprop.table import counted, listing

    known = {*(column.name for column in bundle.columns), bundle.target, *kept}
    if extra := [name for name in rows.columns if name not in known]:
        notes.print(f"Columns the model does not use: {escape(listing(extra))}")
    for name, categories in bundle.unseen(rows).items():
        found = listing(
            (f"{name!r} ({counted(count, 'row')})" for name, count in categories.items()), 5
        )
        notes.print(f"Note: {escape(name)} holds what no training row held: {escape(found)}")


def _score(bundle: Bundle, rows: pd.DataFrame, answer: pd.DataFrame, notes: Terminal) -> None:
    """Score the predictions of rows whose target the table has."""
    from gpubackprop.cli.report import print_test
    from gpubackprop.cli.scores import Outcome, Part
    from gpubackprop.table import labels_of
    from gpubackprop.table.conversion import to_numbers

    if bundle.target not in rows.columns:
        return
    known = rows[bundle.target].notna()
    target, predicted = rows.loc[known, bundle.target], answer.loc[known, "prediction"].to_numpy()
    if not len(target):
        return
    if bundle.task == "regression":
        truth = to_numbers(target)
    else:
        truth, predicted = labels_of(target).astype(str), predicted.astype(str)
    notes.print("The table has the target. On rows that the model learnt from, scores flatter.")
    print_test(notes, Outcome(bundle.task, [Part(truth, truth, predicted)]))


def _beside(kept: pd.DataFrame, answer: pd.DataFrame) -> pd.DataFrame:
    """Put the columns that are kept before the predictions."""
    import pandas as pd

    if same := set(kept.columns) & set(answer.columns):
        raise UserError(
            f"--keep {', '.join(sorted(same))}: the predictions have a column so named."
        )
    return pd.concat([kept.reset_index(drop=True), answer], axis=1)


def _answer(bundle: Bundle, rows: pd.DataFrame, proba: bool) -> pd.DataFrame:
    import pandas as pd

    answer = pd.DataFrame({"prediction": bundle.predict(rows)})
    if proba:
        names = [f"probability_{label}" for label in bundle.labels]
        chances = pd.DataFrame(bundle.predict_proba(rows), columns=names)
        answer = pd.concat([answer, chances], axis=1)
    return answer
