"""``python -m gpubackprop script.py`` runs a program as Python would, and accelerates it."""

import re
import signal
import sys
from pathlib import Path

import pytest

from gpubackprop.accelerator import report, script
from gpubackprop.cli import COMMANDS

from .fresh import Done, python

SHOW = """
import sys
print(__name__, __file__, __spec__, sys.argv, sys.path[0])
print(vars(sys.modules["__main__"]) is globals())
"""
TRAIN = """
import warnings
warnings.simplefilter("ignore")
import numpy as np
from sklearn.neural_network import MLPRegressor

X = np.random.RandomState(0).randn(50, 3)


class Wrapped:
    def __init__(self, seed):
        self.model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=seed)


def fit(wrapped):
    return wrapped.model.fit(X, X[:, 0]).n_iter_
"""


def accelerated(*arguments: str, folder: Path, text: str = "") -> Done:
    return python("-m", "gpubackprop", *arguments, folder=folder, text=text)


def written(folder: Path, code: str, name: str = "script.py") -> str:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(code, encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        ([], False),
        (["train", "data.csv"], False),
        (["accelerate"], False),
        (["--version"], False),
        (["-h"], False),
        (["script.py"], True),
        (["./train"], True),
        (["-"], True),
        (["-m", "train"], True),
        (["--profile", "train"], True),
    ],
)
def test_a_command_or_a_program(arguments: list[str], program: bool) -> None:
    assert script.is_program(arguments, COMMANDS) is program


def test_a_script_is_the_real_main(tmp_path: Path) -> None:
    name = written(tmp_path, SHOW, "folder/script.py")
    arguments = [name, "-x", "--profile", "--device", "cpu", "-m"]
    ours = accelerated(*arguments, folder=tmp_path)
    plain = python(*arguments, folder=tmp_path)
    assert (ours.returncode, ours.stdout, ours.stderr) == (0, plain.stdout, "")
    assert "__main__" in ours.stdout


def test_a_module_is_the_real_main(tmp_path: Path) -> None:
    written(tmp_path, "", "package/__init__.py")
    written(tmp_path, SHOW, "package/__main__.py")
    for name in ("package", "package.__main__"):
        ours = accelerated("--device", "cpu", "-m", name, "-x", "script", folder=tmp_path)
        plain = python("-m", name, "-x", "script", folder=tmp_path)
        where = re.compile(r"0x[0-9a-f]+")
        assert ours.stderr == plain.stderr
        assert where.sub("", ours.stdout) == where.sub("", plain.stdout) != ""


def test_a_program_from_standard_input(tmp_path: Path) -> None:
    done = accelerated("-", "x", folder=tmp_path, text="import sys; print(__name__, sys.argv)")
    assert (done.stdout, done.stderr) == ("__main__ ['-', 'x']\n", "")


def test_a_script_reads_standard_input(tmp_path: Path) -> None:
    name = written(tmp_path, "print(input() * 2)")
    assert accelerated(name, folder=tmp_path, text="ab\n").stdout == "abab\n"


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    1 / 0\n\nf()\n",
        "import json\n\njson.loads('x')\n",
        "a = (\n",
        "raise SystemExit(3)\n",
        "raise SystemExit('stopped')\n",
        "assert False\n",
    ],
)
def test_a_program_that_fails_looks_as_without(code: str, tmp_path: Path) -> None:
    name = written(tmp_path, code)
    ours, plain = accelerated(name, folder=tmp_path), python(name, folder=tmp_path)
    assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)


def test_an_interrupted_program_ends_as_without(tmp_path: Path) -> None:
    name = written(tmp_path, "raise KeyboardInterrupt")
    ours = accelerated(name, folder=tmp_path)
    assert ours.returncode == -signal.SIGINT
    assert "gpubackprop" not in ours.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.py"], "can't open file '.*missing.py': .Errno 2. No such file or directory"),
        (["-m", "missing.module"], "No module named missing.module"),
        (["--profile"], "name a script"),
        (["--device", "tpu", "missing.py"], "device must be .* got 'tpu'"),
    ],
)
def test_what_cannot_be_run(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = accelerated(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert re.search(words, done.stderr)
    assert "Traceback" not in done.stderr


PARALLEL = f"""{TRAIN}
from joblib import Parallel, delayed

if __name__ == "__main__":
    model = MLPRegressor(hidden_layer_sizes=(400,), solver="lbfgs", max_iter=4).fit(X, X[:, 0])
    model.predict(np.tile(X, (700, 1)))  # more than are left to scikit-learn
    assert Parallel(2)(delayed(fit)(Wrapped(seed)) for seed in range(2)) == [3, 3]
    import scipy.sparse
    small = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=2)
    small.fit(scipy.sparse.csr_array(X), X[:, 0])
    1 / 0
"""


def test_a_profile_counts_the_fits_of_all_processes_though_the_program_fails(
    tmp_path: Path,
) -> None:
    """Two of them in loky's: what the script defines is pickled on the way."""
    name = written(tmp_path, PARALLEL)
    done = accelerated("--profile", name, folder=tmp_path)
    assert done.returncode == 1
    reported = done.stderr[done.stderr.index("gpubackprop: ") :]  # workers warned before
    reported, _, failure = reported.partition("Traceback")
    assert failure.rstrip().endswith("ZeroDivisionError: division by zero")
    assert [line.partition(":")[0].strip() for line in reported.splitlines()] == [
        "gpubackprop",
        "accelerated",
        "MLPRegressor.fit, 3 times",
        "MLPRegressor.predict, once",
        "left to scikit-learn's own code",
        "MLPRegressor.fit, once",
    ]
    assert reported.rstrip().endswith(", as sparse X is left to the CPU")
    assert reported.count("an estimated") == 3


def test_a_profile_of_nothing(tmp_path: Path) -> None:
    name = written(tmp_path, "print(1)")
    done = accelerated("--profile", name, folder=tmp_path)
    assert (done.stdout, len(done.stderr.splitlines())) == ("1\n", 1)
    assert "no MLPClassifier or MLPRegressor" in done.stderr


def test_a_report_adds_up() -> None:
    calls = [
        report.Call("MLPClassifier", "fit", None, 1.0, 4.0),
        report.Call("MLPClassifier", "fit", None, 2.0, 6.0),
        report.Call("Model", "predict", "Model has a _backprop of its own", 0.01, 0.01),
    ]
    assert report.text(calls).splitlines() == [
        "gpubackprop: 3.0 s; scikit-learn alone an estimated 10.0 s",
        "  accelerated",
        "    MLPClassifier.fit, 2 times: 3.0 s; scikit-learn's code an estimated 10.0 s",
        "  left to scikit-learn's own code",
        "    Model.predict, once: 10.0 ms, as Model has a _backprop of its own",
    ]


def test_what_a_script_without_a_perceptron_imports(tmp_path: Path) -> None:
    name = written(tmp_path, "import sys\nprint(*sys.modules)")
    loaded = accelerated(name, folder=tmp_path).stdout.split()
    heavy = {"numpy", "sklearn", "scipy", "numba", "typer", "multiprocessing"}
    assert not heavy.intersection(loaded)
    assert "gpubackprop.accelerator.switch" in loaded
    assert sys.executable
