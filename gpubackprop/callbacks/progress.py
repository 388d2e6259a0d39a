"""A bar that shows how far training has come."""

import sys
from threading import Lock
from typing import Any, Protocol

from ..history import EpochRecord
from .epochs import EpochCallback


class ProgressBar(EpochCallback):
    """Show each fit's epochs on a bar: rich's in a terminal, tqdm's in a notebook.

    Raises
    ------
    ImportError
        If rich or, in a notebook, tqdm is missing.

    Examples
    --------
    >>> from gpubackprop import MLPClassifier
    >>> from gpubackprop.callbacks import ProgressBar
    >>> model = MLPClassifier().set_callbacks(ProgressBar())
    """

    def __init__(self) -> None:
        self._new_display()

    def _new_display(self) -> None:
        self._display: _Display = _InNotebook() if _in_notebook() else _InTerminal()
        self._bars: dict[int, Any] = {}
        self._lock = Lock()  # fits of several threads share the screen

    def fit_began(self, estimator: Any, epochs: int | None) -> None:
        """Add a bar."""
        with self._lock:
            self._bars[id(estimator)] = self._display.add(type(estimator).__name__, epochs)

    def epoch_ended(self, estimator: Any, record: EpochRecord) -> None:
        """Move the bar on."""
        with self._lock:
            self._display.move(self._bars[id(estimator)], _in_words(record))

    def fit_ended(self, estimator: Any) -> None:
        """Leave the bar as it is."""
        with self._lock:
            bar = self._bars.pop(id(estimator), None)
            if bar is not None:
                self._display.close(bar, last=not self._bars)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # another process has a screen of its own

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._new_display()


def _in_words(record: EpochRecord) -> str:
    score = record.validation_score
    return f"loss {record.loss:.4g}" + ("" if score is None else f", score {score:.4g}")


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class _Display(Protocol):
    """Where bars are drawn."""

    def add(self, name: str, epochs: int | None) -> Any:
        """Add a bar and return it."""

    def move(self, bar: Any, text: str) -> None:
        """Move a bar one epoch on."""

    def close(self, bar: Any, last: bool) -> None:
        """Draw no more of a bar; the last one ends the drawing."""


class _InTerminal:
    """Bars of rich, under each other."""

    def __init__(self) -> None:
        try:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        except ImportError as error:
            raise ImportError("ProgressBar needs rich: pip install 'gpubackprop[cli]'") from error
        text, shown = TextColumn("{task.description}"), TextColumn("{task.fields[shown]}")
        self._progress = Progress(text, BarColumn(), MofNCompleteColumn(), shown)

    def add(self, name: str, epochs: int | None) -> Any:
        self._progress.start()
        return self._progress.add_task(name, total=epochs, shown="")

    def move(self, bar: Any, text: str) -> None:
        self._progress.update(bar, advance=1, shown=text)

    def close(self, bar: Any, last: bool) -> None:
        self._progress.stop_task(bar)
        if last:
            self._progress.stop()
            for each in list(self._progress.task_ids):  # what was drawn stays on the screen
                self._progress.remove_task(each)


class _InNotebook:
    """Bars of tqdm."""

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            raise ImportError(
                "ProgressBar needs tqdm in a notebook: pip install 'gpubackprop[notebook]'"
            ) from error
        self._tqdm = tqdm

    def add(self, name: str, epochs: int | None) -> Any:
        return self._tqdm(total=epochs, desc=name, unit="epoch")

    def move(self, bar: Any, text: str) -> None:
        bar.set_postfix_str(text, refresh=False)
        bar.update()

    def close(self, bar: Any, last: bool) -> None:
        bar.close()
