"""``gpubackprop train``: from a table, or the handwritten digits, to a tested and saved model."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.options import (
    Activation,
    Encoding,
    NoHeader,
    PresetName,
    TaskName,
    check_output,
    of_network,
    of_table,
    require_positive,
    sizes,
)
from gpubackprop.cli.ranks import together
from gpubackprop.cli.terminal import Terminal

if TYPE_CHECKING:
    from gpubackprop.cli.problem import Choices, Problem
    from gpubackprop.cli.training import Run, Tested
    from gpubackprop.table.model_file import Bundle

_AS_LONG = 0.05
"""Times that differ by a smaller part count as equal: one run is a noisy measurement."""

_EXAMPLE = """\
gpubackprop trains neural networks on tables. An example, handwritten digits;
your own table: gpubackprop train FILE --target COLUMN
"""


@together
def train(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A table: CSV, Parquet, Feather, Arrow, JSON, .dta, .arff or .xlsx, packed or "
            "not; - is standard input. Without it: scikit-learn's digits."
        ),
    ] = None,
    target: Annotated[str | None, of_table("--target", "-t", help="The column to predict.")] = None,
    task: Annotated[
        TaskName | None,
        of_table(
            help="By default: classification for text, true/false, and whole numbers of at most 20 "
            "distinct values with 5 rows each on average; else regression."
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        of_table(help="Columns to leave out, with commas between them; may be repeated."),
    ] = None,
    category: Annotated[
        list[str] | None,
        of_table(help="Columns of numbers to read as categories, with commas between them."),
    ] = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,
    test: Annotated[Path | None, of_table(help="A table of its own to test on.")] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.9,
            help="The share of rows held out for the test. By default 0.2; with fewer than 1000 "
            "rows cross-validation, and the model learns from all.",
        ),
    ] = None,
    preset: Annotated[
        PresetName | None,
        of_network(
            metavar="NAME",
            help="What these are where not given: as in the preset tabular, chosen on real "
            "tables, or as scikit-learn has them, for the digits and --compare.",
        ),
    ] = None,
    hidden: Annotated[str | None, of_network(help="The hidden layers' sizes: 256,128")] = None,
    activation: Annotated[
        Activation | None,
        of_network(
            metavar="NAME",
            help="The hidden layers' activation: relu, tanh, logistic or identity.",
        ),
    ] = None,
    epochs: Annotated[int | None, of_network(min=1, help="Stop after this many.")] = None,
    batch_size: Annotated[int | None, of_network(min=1, help="Rows of a mini-batch.")] = None,
    learning_rate: Annotated[
        float | None, of_network(help="The largest learning rate, above 0.")
    ] = None,
    alpha: Annotated[float | None, of_network(min=0.0, help="The L2 penalty.")] = None,
    networks: Annotated[
        int,
        of_network(
            min=1,
            help="How many to train, alike but for their seed, to predict their mean: 5 take 5 "
            "times as long, and scored better on most real tables.",
        ),
    ] = 1,
    early_stopping: Annotated[
        bool,
        of_network(
            help="Hold out a tenth of the training rows, and keep the epoch that predicts them "
            "best."
        ),
    ] = False,
    backup: Annotated[
        Path | None,
        typer.Option(
            help="A folder where the state of the training is saved every minute: after a kill "
            "the same command goes on, and with --networks trains those that were finished again. "
            "Removed at the end."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Equal seeds give equal models.")
    ] = 0,
    device: Annotated[
        str, typer.Option(help="Where to train: auto, cpu or cuda; 'info' lists devices.")
    ] = "auto",
    backend: Annotated[
        str, typer.Option(help="The code that trains; 'info' lists backends.")
    ] = "auto",
    compare: Annotated[
        bool | None,
        typer.Option(help="Train scikit-learn's network as well. By default for the digits."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The model file to write.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="The PNG of the loss curve to write.")] = None,
    no_plot: Annotated[bool, typer.Option("--no-plot", help="Draw no loss curve.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Train a network on a table, test it on held-out rows, save it.

    Without a table, train on the handwritten digits that come with scikit-learn, and compare.
    """
    from gpubackprop.cli import training
    from gpubackprop.cli.problem import Choices
    from gpubackprop.distributed.current import is_first
    from gpubackprop.table import model_file

    first = is_first()
    console = Terminal(quiet=quiet or not first)
    if data is None:
        console.print(_EXAMPLE)
    require_positive("--learning-rate", learning_rate)
    options = {
        "device": device,
        "backend": backend,
        "hidden_layer_sizes": None if hidden is None else sizes("--hidden", hidden),
        "activation": activation,
        "max_iter": epochs,
        "batch_size": batch_size,
        "learning_rate_init": learning_rate,
        "alpha": alpha,
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    preset = preset or ("scikit-learn" if compare or data is None else "tabular")
    if compare is None:
        compare = data is None and preset == "scikit-learn" and networks == 1
    elif compare and (preset == "tabular" or networks > 1):
        raise UserError(
            "--compare trains scikit-learn's network too: --preset scikit-learn, one network"
        )
    output = output or Path(f"{_stem(data)}.gpubackprop")
    picture = None if no_plot else plot or output.with_name(f"{output.stem}-loss.png")
    for path in (output, picture):
        if path is not None:
            check_output(path, *filter(None, (data, test)))
    if test is not None and test_fraction is not None:
        raise UserError("--test is a table to test on, --test-fraction a part of the first: choose")
    choices = Choices(target or "", task, drop or [], category or [], test)
    choices = replace(choices, encoding=encoding, header=not no_header)
    problem = _problem(data, replace(choices, test_fraction=test_fraction, seed=seed), compare)
    _introduce(console, problem, asked=task is not None)
    given["early_stopping"] = early_stopping and _can_stop_early(console, problem)
    alike = [
        _network(problem, preset, random_state=(seed + more) % 2**32, **given)
        for more in range(networks)
    ]
    run = training.train(console, problem, alike, backup)
    tested = training.test(console, problem, run)
    lost = _lost_without(console, problem, tested)
    bundle = _report(console, problem, run, tested, lost)
    if not first:
        return  # to write and to compare is the first process's
    model_file.save(bundle, output)
    console.print(f"\nModel       {escape(str(output))}")
    if picture is not None:
        title = f"{problem.name}: loss by epoch" + " of the first network" * (networks > 1)
        _plot(console, alike[0], title, lost, picture)
    if compare and not run.interrupted:
        _compare(console, problem, run, tested)
    if data is None:
        console.print("Next        gpubackprop train FILE --target COLUMN, with a table of yours")
    else:
        console.print(f"Next        gpubackprop predict {escape(str(output))} FILE")


# -- before ---------------------------------------------------------------------------------------


def _stem(data: Path | None) -> str:
    """Name a model by its table."""
    if data is None:
        return "digits"
    packed = data.suffix.lower() in (".gz", ".bz2", ".xz")
    return "model" if str(data) == "-" else Path(data.stem).stem if packed else data.stem


def _problem(data: Path | None, choices: Choices, one_split: bool) -> Problem:
    from gpubackprop.cli.problem import digits, from_file
    from gpubackprop.table import listing

    if data is None:
        for name in ("target", "task", "drop", "category", "test"):
            if getattr(choices, name):
                raise UserError(
                    f"--{name} is about a table: gpubackprop train FILE --target COLUMN"
                )
        return digits(choices.test_fraction, choices.seed)
    if not choices.target:
        names = listing(choices.read(data).columns, most=30)
        raise UserError(
            f"which column is to be predicted? Add --target COLUMN. {data} has: {names}."
        )
    return from_file(data, choices, one_split)


def _introduce(console: Terminal, problem: Problem, asked: bool) -> None:
    from gpubackprop.cli.leaks import leaks

    target = problem.target
    what = f", {problem.classes} classes" if problem.classes else ""
    console.print(
        f"[bold]{escape(problem.name)}[/]: {len(problem.table)} rows, "
        f"{len(problem.columns)} columns to learn {escape(target.name)} from ({target.task}{what})"
    )
    if not asked and problem.name != "digits":
        other = f" (else: --task {target.other_task})" if target.other_task else ""
        console.print(f"  {target.task}, because {target.reason}{other}")
    for note in problem.notes:
        console.print(f"  {escape(note)}")
    if problem.name != "digits":
        for leak in leaks(problem):
            console.print(f"  [yellow]{escape(leak)}[/]")
    rows = len(problem.train)
    if problem.cross_validated:
        console.print(
            f"  {rows} rows to train on, tested by cross-validation: one test part of so "
            "few rows is mostly chance"
        )
    else:
        console.print(f"  {rows} rows to train on, {len(problem.splits[0][1])} held out to test")


def _can_stop_early(console: Terminal, problem: Problem) -> bool:
    """Find out whether a validation part can be held out; say why not."""
    from gpubackprop.cli.training import against_early_stopping

    reason = against_early_stopping(problem.truth(problem.train), problem.classes)
    if reason:
        console.print(f"  no early stopping: {escape(reason)}")
    return reason is None


def _network(problem: Problem, preset: PresetName, **given: Any) -> Any:
    """Make a network of the parameters that were given and, for the rest, of a preset's."""
    import gpubackprop

    kind = gpubackprop.MLPClassifier if problem.classes else gpubackprop.MLPRegressor
    if preset == "scikit-learn":
        # Twice scikit-learn's patience: a small validation part is a noisy judge.
        return kind(n_iter_no_change=20 if given["early_stopping"] else 10, **given)
    network = kind.from_preset("tabular", **given)
    return network.set_params(
        batch_size=min(network.batch_size, len(problem.train)), n_iter_no_change=network.max_iter
    )


# -- after ----------------------------------------------------------------------------------------


def _lost_without(console: Terminal, problem: Problem, tested: Tested) -> dict[str, float]:
    """Find what the score loses without each column, where there are several."""
    from gpubackprop.cli.importance import importances

    if len(problem.columns) < 2 or len(tested.rows) < 2:
        return {}
    with console.status("Shuffling columns ...", spinner=console.spinner):
        rows = problem.table.iloc[tested.rows]
        return importances(tested.bundle, rows, problem.truth(tested.rows))


def _report(
    console: Terminal, problem: Problem, run: Run, tested: Tested, lost: dict[str, float]
) -> Bundle:
    """Print the test's results; return the bundle with these metrics."""
    from gpubackprop.cli.problem import FOLDS
    from gpubackprop.cli.report import print_confusions, print_importances, print_test

    test = tested.test
    print_test(console, test)
    if problem.classes:
        once = test.once(FOLDS)
        print_confusions(console, once.truth, once.predicted)
    print_importances(console, lost, "accuracy" if problem.classes else "R²")
    how = "cross_validated" if problem.cross_validated else "test"
    metrics = {f"{how}_{name}": value for name, value in test.scores().items()}
    return replace(run.bundle, metrics={**metrics, "rows": float(len(problem.train))})


def _plot(
    console: Terminal, network: Any, title: str, lost: dict[str, float], picture: Path
) -> None:
    from gpubackprop.cli.plot import save_loss_curve

    if not network.loss_curve_:
        console.print("Loss curve  not drawn: no epoch was finished")
    elif save_loss_curve(network, title, picture, lost):
        console.print(f"Loss curve  {escape(str(picture))}")
    else:
        console.print("Loss curve  not drawn: drawing takes matplotlib (pip install matplotlib)")


def _compare(console: Terminal, problem: Problem, run: Run, tested: Tested) -> None:
    import sklearn.neural_network

    from gpubackprop.cli.report import print_table
    from gpubackprop.cli.training import fit

    ours = run.bundle.network
    kind = getattr(sklearn.neural_network, type(ours).__name__)
    theirs = kind(**{name: getattr(ours, name) for name in kind._get_param_names()})
    start = time.perf_counter()
    with console.status("Training scikit-learn's network ...", spinner=console.spinner):
        interrupted, _ = fit(theirs, run.x, run.y)
    seconds = time.perf_counter() - start
    if interrupted:
        console.print("Comparison with scikit-learn interrupted.")
        return
    table = _comparison(run, tested, problem, theirs, seconds)
    print_table(console, "The same data, parameters and seed", table)
    console.print(verdict(run.seconds, seconds))


def _comparison(run: Run, tested: Tested, problem: Problem, theirs: Any, seconds: float) -> Table:
    from gpubackprop.cli.report import plain
    from gpubackprop.cli.scores import scores

    ours = run.bundle.network
    table = Table()
    for heading in ("", "gpubackprop", "scikit-learn"):
        table.add_column(heading, justify="right" if heading else "left")
    bundle, truth = tested.bundle, tested.test.truth
    x = bundle.inputs(problem.table.iloc[tested.rows])
    our_scores = tested.test.scores()
    their_scores = scores(bundle.task, truth, bundle.from_network(theirs.predict(x)))
    for name, text in (("accuracy", "test accuracy"), ("rmse", "test RMSE"), ("r2", "test R²")):
        if name in our_scores:
            table.add_row(text, plain(our_scores[name]), plain(their_scores[name]))
    table.add_row("final loss", f"{ours.loss_:.6f}", f"{theirs.loss_:.6f}")
    table.add_row("epochs", str(ours.n_iter_), str(theirs.n_iter_))
    table.add_row("start-up, seconds", f"{run.start_up:.2f}", "-")
    table.add_row("training, seconds", f"{run.seconds:.2f}", f"{seconds:.2f}")
    return table


def verdict(ours: float, theirs: float) -> str:
    """Say which training took less time; a speed is only named where there is a gain."""
    from gpubackprop.cli.training import in_seconds

    times = f"{in_seconds(ours)} of training, scikit-learn's {in_seconds(theirs)}"
    if theirs > ours * (1 + _AS_LONG):
        return f"gpubackprop was {theirs / ours:.2g} times as fast: {times}."
    if ours > theirs * (1 + _AS_LONG):
        return f"gpubackprop took {ours / theirs:.2g} times as long: {times}."
    return f"Both took equally long: {times}."
