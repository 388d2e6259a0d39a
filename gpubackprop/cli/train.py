"""``gpubackprop train``: from a table, or the handwritten digits, to a tested and saved model."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.options import Activation, TaskName, check_output, sizes
from gpubackprop.cli.terminal import Terminal

if TYPE_CHECKING:
    from gpubackprop.cli.problem import Array, Problem
    from gpubackprop.table import Task
    from gpubackprop.table.model_file import Bundle

_NETWORK = "The network"
_TABLE = "Your table"
_WORTH_SAYING = 0.3
"""Seconds of start-up that get a line."""
_AS_LONG = 0.05
"""Times that differ by a smaller part count as equal: one run is a noisy measurement."""

_EXAMPLE = """\
gpubackprop trains neural networks on tables. An example, handwritten digits;
your own table: gpubackprop train FILE --target COLUMN
"""

ROWS_TO_STOP_EARLY = 300
"""With fewer rows to train on, early stopping has to be asked for."""


def train(
    data: Annotated[
        Path | None,
        typer.Argument(help="A CSV or Parquet file. Without it: scikit-learn's digits."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="The column to predict.", rich_help_panel=_TABLE),
    ] = None,
    task: Annotated[
        TaskName | None,
        typer.Option(
            help="By default: classification for text, true/false, and whole numbers of at most 20 "
            "distinct values with 5 rows each on average; else regression.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="A column to leave out; may be repeated.", rich_help_panel=_TABLE),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            help="A column of numbers to read as categories; may be repeated.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    test_fraction: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="The share of rows held out for the test.")
    ] = 0.2,
    hidden: Annotated[
        str, typer.Option(help="The hidden layers' sizes: 256,128", rich_help_panel=_NETWORK)
    ] = "100",
    activation: Annotated[
        Activation,
        typer.Option(
            metavar="NAME",
            help="The hidden layers' activation: relu, tanh, logistic or identity.",
            rich_help_panel=_NETWORK,
        ),
    ] = Activation.relu,
    epochs: Annotated[
        int, typer.Option(min=1, help="Stop after this many.", rich_help_panel=_NETWORK)
    ] = 200,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="By default a fortieth of the rows, from 8 to 200; 200 for the digits.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option(help="Adam's first learning rate.", rich_help_panel=_NETWORK)
    ] = 1e-3,
    alpha: Annotated[
        float, typer.Option(min=0.0, help="The L2 penalty.", rich_help_panel=_NETWORK)
    ] = 1e-4,
    early_stopping: Annotated[
        bool | None,
        typer.Option(
            help="Hold out a tenth of the training rows and stop when they are predicted no "
            "better. By default for your own table if it has rows enough.",
            rich_help_panel=_NETWORK,
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
    from gpubackprop.table import model_file

    console = Terminal(quiet=quiet)
    if data is None:
        console.print(_EXAMPLE)
    hidden_sizes = sizes("--hidden", hidden)
    output = output or Path(f"{data.stem if data else 'digits'}.gpubackprop")
    picture = None if no_plot else plot or output.with_name(f"{output.stem}-loss.png")
    for path in (output, picture):
        if path is not None:
            check_output(path, *([data] if data else []))
    problem = _problem(data, target, task, drop or [], category or [], test_fraction, seed)
    _introduce(console, problem, asked=task is not None)
    network = _network(
        problem,
        early_stopping=_early_stopping(console, problem, early_stopping, own=data is not None),
        hidden_layer_sizes=hidden_sizes,
        activation=activation.value,
        max_iter=epochs,
        batch_size=batch_size or _batch_size(problem, own=data is not None),
        learning_rate_init=learning_rate,
        alpha=alpha,
        random_state=seed,
        device=device,
        backend=backend,
    )
    run = _train(console, problem, network)
    bundle = _report(console, problem, run)
    model_file.save(bundle, output)
    console.print(f"\nModel       {escape(str(output))}")
    if picture is not None:
        _plot(console, network, problem.name, picture)
    if not run.interrupted and (compare if compare is not None else data is None):
        _compare(console, run)
    if data is not None:
        console.print(f"Predict     gpubackprop predict {escape(str(output))} FILE")


@dataclass(frozen=True)
class Run:
    """A finished training, with what it was trained and is tested on."""

    bundle: Bundle
    x: Array
    y: Array
    x_test: Array
    truth: Array
    start_up: float
    seconds: float
    interrupted: bool

    def scores(self, network: Any) -> dict[str, float]:
        """Score a network on the test rows."""
        from gpubackprop.cli.report import scores

        return scores(self.bundle.task, self.truth, self.predicted(network))

    def predicted(self, network: Any) -> Array:
        """Predict the test rows."""
        return self.bundle.from_network(network.predict(self.x_test))


# -- before ---------------------------------------------------------------------------------------


def _problem(
    data: Path | None,
    target: str | None,
    task: TaskName | None,
    drop: list[str],
    category: list[str],
    test_fraction: float,
    seed: int,
) -> Problem:
    from gpubackprop.cli.problem import digits, from_file

    if data is not None:
        name = target or _ask_for_target(data)
        chosen: Task | None = task.value if task else None
        return from_file(data, name, chosen, drop, category, test_fraction, seed)
    if target or task or drop or category:
        raise UserError(
            "--target, --task, --drop and --category are about a table: "
            "gpubackprop train FILE --target COLUMN"
        )
    return digits(test_fraction, seed)


def _ask_for_target(data: Path) -> str:
    from gpubackprop.table import listing, read_table

    names = listing(read_table(data).columns, most=30)
    raise UserError(f"which column is to be predicted? Add --target COLUMN. {data} has: {names}.")


def _introduce(console: Terminal, problem: Problem, asked: bool) -> None:
    target = problem.target
    what = f", {problem.classes} classes" if problem.classes else ""
    console.print(
        f"[bold]{escape(problem.name)}[/]: {len(problem.table)} rows, "
        f"{len(problem.columns)} columns to learn {escape(target.name)} from ({target.task}{what})"
    )
    if not asked and problem.name != "digits":
        other = "regression" if problem.classes else "classification"
        console.print(f"  {target.task}, because {target.reason} (else: --task {other})")
    for note in problem.notes:
        console.print(f"  {escape(note)}")
    console.print(f"  {len(problem.train)} rows to train on, {len(problem.test)} held out to test")


def _early_stopping(console: Terminal, problem: Problem, wish: bool | None, own: bool) -> bool:
    """Decide whether a validation part is held out; say why not if it was asked for."""
    import numpy as np

    if wish is False or (wish is None and not own):
        return False
    rows = len(problem.train)
    if problem.classes:
        rarest = np.unique(problem.truth(problem.train), return_counts=True)[1].min()
        enough = rarest >= 2 and rows // 10 >= problem.classes
    else:
        enough = rows >= 20
    if wish is None:  # with fewer, the validation score is mostly chance
        enough = enough and rows >= ROWS_TO_STOP_EARLY
    if not enough:
        console.print("  no early stopping: too few rows to hold out a validation part")
    return bool(enough)


def _batch_size(problem: Problem, own: bool) -> int | str:
    """Choose mini-batches small enough that a small table gives an epoch some steps to take."""
    return min(max(len(problem.train) // 40, 8), 200) if own else "auto"


def _network(problem: Problem, **parameters: Any) -> Any:
    import gpubackprop

    kind = gpubackprop.MLPClassifier if problem.classes else gpubackprop.MLPRegressor
    # Twice scikit-learn's patience: a small validation part is a noisy judge.
    return kind(n_iter_no_change=20 if parameters["early_stopping"] else 10, **parameters)


# -- training -------------------------------------------------------------------------------------


def _train(console: Terminal, problem: Problem, network: Any) -> Run:
    from gpubackprop.cli.progress import TrainingProgress

    bundle = problem.bundle(network)
    run = Run(
        bundle=bundle,
        x=bundle.inputs(problem.table.iloc[problem.train]),
        y=bundle.to_network(problem.truth(problem.train)),
        x_test=bundle.inputs(problem.table.iloc[problem.test]),
        truth=problem.truth(problem.test),
        start_up=0.0,
        seconds=0.0,
        interrupted=False,
    )
    run = replace(run, start_up=_start_up(console, network, run))
    score = "accuracy" if problem.classes else "R²"
    progress = TrainingProgress(
        console,
        network.max_iter,
        score=lambda network: run.scores(network)["accuracy" if problem.classes else "r2"],
        names=(f"validation {score}", f"test {score}"),
    )
    network.set_params(callbacks=[progress])
    start = time.perf_counter()
    with progress:
        interrupted, notes = _fit(network, run.x, run.y)
    run = replace(run, seconds=time.perf_counter() - start, interrupted=interrupted)
    _say_how_it_ended(console, network, run, notes)
    return run


def _start_up(console: Terminal, network: Any, run: Run) -> float:
    """Load and compile what training needs, by a clone's first mini-batch; return the seconds."""
    import numpy as np
    from sklearn.base import clone

    rows = np.arange(len(run.y))
    if run.bundle.task == "classification":  # no class may be missing from the output layer
        firsts = np.unique(run.y, return_index=True)[1]
        rows = np.concatenate([firsts, np.delete(rows, firsts)])
    size = 200 if network.batch_size == "auto" else network.batch_size
    rows = rows[: max(size, len(run.bundle.classes if run.bundle.classes is not None else ()))]
    trial = clone(network).set_params(max_iter=1, early_stopping=False)
    start = time.perf_counter()
    with console.status("Loading, and in a first run compiling ...", spinner=_spinner(console)):
        interrupted, _ = _fit(trial, run.x[rows], run.y[rows])
    if interrupted:
        raise KeyboardInterrupt
    seconds = time.perf_counter() - start
    if seconds > _WORTH_SAYING:
        took = _seconds(seconds)
        console.print(f"  start-up took {took}: a first run compiles, later ones load what it kept")
    return seconds


def _fit(network: Any, x: Array, y: Array) -> tuple[bool, list[str]]:
    """Fit; return whether it was interrupted, and what else was warned of.

    What the user can cure ends the command.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            network.fit(x, y)
        except (ValueError, RuntimeError) as error:
            hint = " Lower --learning-rate." if "non-finite" in str(error) else ""
            raise UserError(f"training failed: {error}{hint}") from None
    # That the epochs ran out, or were cut short, is said in our own words.
    texts = [str(w.message) for w in caught if not issubclass(w.category, ConvergenceWarning)]
    notes = [text for text in texts if "interrupted" not in text]
    return len(notes) < len(texts), notes


def _say_how_it_ended(console: Terminal, network: Any, run: Run, notes: list[str]) -> None:
    took = f"{network.n_iter_} epochs in {_seconds(run.seconds)}"
    if run.interrupted:
        console.print(f"  Interrupted: the model after {took} is tested and saved")
    elif network.n_iter_ == network.max_iter:
        console.print(f"  {took}; still learning at the last one: more --epochs may help")
    elif network.early_stopping:
        console.print(f"  {took}; the best of them by validation score is kept")
    else:
        console.print(f"  {took}; the loss no longer fell")
    for note in dict.fromkeys(notes):
        console.print(f"  Note: {escape(note)}")


# -- after ----------------------------------------------------------------------------------------


def _report(console: Terminal, problem: Problem, run: Run) -> Bundle:
    """Print the test's results; return the bundle with these metrics."""
    from gpubackprop.cli.report import print_confusions, print_scores, trivial_scores

    bundle = run.bundle
    found = run.scores(bundle.network)
    trivial = trivial_scores(bundle.task, problem.truth(problem.train), run.truth)
    print_scores(console, found, trivial, len(run.truth))
    if problem.classes:
        print_confusions(console, run.truth, run.predicted(bundle.network))
    return replace(bundle, metrics={f"test_{name}": value for name, value in found.items()})


def _plot(console: Terminal, network: Any, name: str, picture: Path) -> None:
    from gpubackprop.cli.plot import save_loss_curve

    if not network.loss_curve_:
        console.print("Loss curve  not drawn: no epoch was finished")
    elif save_loss_curve(network, f"{name}: loss by epoch", picture):
        console.print(f"Loss curve  {escape(str(picture))}")
    else:
        console.print(
            "Loss curve  not drawn: drawing takes matplotlib (pip install 'gpubackprop\\[plot]')"
        )


def _compare(console: Terminal, run: Run) -> None:
    import sklearn.neural_network

    from gpubackprop.cli.report import print_table

    ours = run.bundle.network
    kind = getattr(sklearn.neural_network, type(ours).__name__)
    own = {"device", "backend", "precision", "callbacks", "checkpoint"}
    theirs = kind(**{k: v for k, v in ours.get_params(deep=False).items() if k not in own})
    start = time.perf_counter()
    with console.status("Training scikit-learn's network ...", spinner=_spinner(console)):
        interrupted, _ = _fit(theirs, run.x, run.y)
    seconds = time.perf_counter() - start
    if interrupted:
        console.print("Comparison with scikit-learn interrupted.")
        return
    print_table(console, "The same data, parameters and seed", _comparison(run, theirs, seconds))
    console.print(verdict(run.seconds, seconds))


def _comparison(run: Run, theirs: Any, seconds: float) -> Table:
    from gpubackprop.cli.report import plain

    ours = run.bundle.network
    table = Table()
    for heading in ("", "gpubackprop", "scikit-learn"):
        table.add_column(heading, justify="right" if heading else "left")
    our_scores, their_scores = run.scores(ours), run.scores(theirs)
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
    times = f"{_seconds(ours)} of training, scikit-learn's {_seconds(theirs)}"
    if theirs > ours * (1 + _AS_LONG):
        return f"gpubackprop was {theirs / ours:.2g} times as fast: {times}."
    if ours > theirs * (1 + _AS_LONG):
        return f"gpubackprop took {ours / theirs:.2g} times as long: {times}."
    return f"Both took equally long: {times}."


def _spinner(console: Terminal) -> str:
    return "line" if console.ascii_only else "dots"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
