"""Acceleration that begins before scikit-learn is imported, or where Python starts."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpubackprop.accelerator import start_file
from gpubackprop.cli.app import app

from .fresh import GENEROUS, lines, python

BEGIN = "import gpubackprop; gpubackprop.accelerate()"
IS_ON = """
from sklearn.neural_network import MLPRegressor
print(hasattr(MLPRegressor._fit_stochastic, "__wrapped__"))
"""


def test_the_package_is_imported_as_without(tmp_path: Path) -> None:
    look = """
import sklearn.neural_network as package
print(type(package.__loader__).__name__, type(package.__spec__.loader).__name__)
import inspect, sys
print(len(inspect.getsource(package)), *(type(finder).__name__ for finder in sys.meta_path))
"""
    plain = lines(look, tmp_path)
    found = lines(f"{BEGIN}\nimport multiprocessing.process\n{look}", tmp_path)
    assert found == plain


def test_a_reload_of_the_package_and_of_the_private_module(tmp_path: Path) -> None:
    """Python imports the package before the module; classes made anew train by themselves."""
    code = f"""
{BEGIN}
from sklearn.neural_network._multilayer_perceptron import MLPRegressor
print(hasattr(MLPRegressor._fit_stochastic, "__wrapped__"))
import importlib, warnings, sklearn.neural_network as n
import sklearn.neural_network._multilayer_perceptron as m
importlib.reload(n)
print(hasattr(n.MLPRegressor._fit_stochastic, "__wrapped__"))
importlib.reload(m)
importlib.reload(n)
print(hasattr(n.MLPRegressor._fit_stochastic, "__wrapped__"))
warnings.simplefilter("ignore")
print(n.MLPRegressor(max_iter=2).fit([[0.0], [1.0]], [0.0, 1.0]).n_iter_)
"""
    assert lines(code, tmp_path) == ["True", "True", "False", "2"]


def test_it_is_off_again_before_the_import(tmp_path: Path) -> None:
    code = f"""
import gpubackprop, sys
before = list(sys.meta_path)
{BEGIN}
gpubackprop.stop_accelerating()
print(sys.meta_path == before)
"""
    assert lines(code, tmp_path) == ["True"]


def test_a_program_may_ask_first_whether_the_package_exists(tmp_path: Path) -> None:
    code = f"""
{BEGIN}
from importlib.util import find_spec
print(find_spec("sklearn.neural_network").loader.is_package("sklearn.neural_network"))
{IS_ON}
"""
    assert lines(code, tmp_path) == ["True", "True"]


def test_an_import_that_fails_can_be_repeated(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from gpubackprop.after_import import after_import
Path("fragile.py").write_text("import sys; 1 / sys.good")
sys.path.insert(0, ".")
after_import("fragile", lambda: print("acted"))
for sys.good in (0, 1):
    try:
        import fragile
    except ZeroDivisionError:
        print("failed")
"""
    assert lines(code, tmp_path) == ["failed", "acted"]


def test_a_finder_of_the_old_kind_is_passed_over(tmp_path: Path) -> None:
    """As Python does."""
    code = """
import sys
from gpubackprop.after_import import after_import
sys.meta_path.insert(0, object())
after_import("colorsys", lambda: print("acted"))
import colorsys
"""
    done = python("-c", code, folder=tmp_path)  # before 3.12 Python warns of such a finder
    assert (done.returncode, done.stdout) == (0, "acted\n")


def test_a_module_that_is_kept_from_being_imported_is_not(tmp_path: Path) -> None:
    """As programs test what they do without one."""
    code = f"""
import sys
sys.modules["joblib"] = sys.modules["sklearn.neural_network"] = None
{BEGIN}
del sys.modules["joblib"], sys.modules["sklearn.neural_network"]
{IS_ON}
"""
    assert lines(code, tmp_path) == ["True"]


def test_a_scikit_learn_without_what_is_built_on(tmp_path: Path) -> None:
    code = f"""
import warnings
{BEGIN}
import sklearn.utils._param_validation as p
kept = p.StrOptions, p.validate_parameter_constraints
del p.validate_parameter_constraints
import sys
warnings.simplefilter("always")
from sklearn.neural_network import MLPRegressor
print(hasattr(MLPRegressor._fit_stochastic, "__wrapped__"))
"""
    done = python("-c", code, folder=tmp_path)
    if done.returncode == 0:
        assert done.stdout.split() == ["False"]
        assert "UserWarning: scikit-learn is not accelerated: cannot import" in done.stderr
    else:  # scikit-learn itself needs it
        assert "validate_parameter_constraints" in done.stderr


# the file that Python reads where it starts


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own, with the packages of this one behind a path, and the file."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    found = [path for path in sys.path if path.endswith("site-packages")]
    root = str(Path(start_file.__file__).parents[2])
    (packages / "behind.pth").write_text("\n".join([root, *found]), encoding="utf-8")
    (packages / start_file.path().name).write_text(start_file.LINE, encoding="utf-8")
    return folder


def started(environment: Path, code: str, **variables: str) -> tuple[str, str]:
    done = subprocess.run(
        [environment / "bin" / "python", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=GENEROUS,
        env=variables,
        cwd=environment,
    )
    return done.stdout, done.stderr


def test_what_it_imports_where_python_starts(environment: Path) -> None:
    code = "import sys; print(*sorted(sys.modules))"
    plain = started(environment, code)[0]
    assert started(environment, code, GPUBACKPROP_ACCELERATE="0")[0] == plain
    loaded = started(environment, code, GPUBACKPROP_ACCELERATE="1")[0]
    more = set(loaded.split()) - set(plain.split())
    package = "gpubackprop"
    assert {name for name in more if not name.startswith("__editable__")} == {
        *(package, f"{package}._version", f"{package}.after_import", f"{package}.joblib_name"),
        *(f"{package}.accelerator", f"{package}.accelerator.startup"),
    }


def test_a_context_does_not_end_what_the_environment_began(environment: Path) -> None:
    code = f"import gpubackprop\nwith gpubackprop.accelerated():\n    pass\n{IS_ON}"
    assert started(environment, code, GPUBACKPROP_ACCELERATE="1") == ("True\n", "")


INHERITED = """
import gpubackprop, sys
gpubackprop.accelerate(backend="reference")
import multiprocessing
from gpubackprop.fitting.options.values import options

if __name__ == "__main__":
    from sklearn.neural_network import MLPRegressor
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply_async(options, (MLPRegressor(),)).get(60).backend)
"""


def test_the_choices_of_a_call_reach_processes(environment: Path) -> None:
    """With the environment's variable as well."""
    assert started(environment, INHERITED, GPUBACKPROP_ACCELERATE="1") == ("reference\n", "")


def test_a_file_that_is_left_behind_says_nothing(environment: Path) -> None:
    """First beside nothing, then beside another version."""
    packages = next(environment.glob("lib/python*/site-packages"))
    behind, package = packages / "behind.pth", packages / "gpubackprop"
    kept = behind.read_text(encoding="utf-8")
    behind.unlink()
    try:
        assert started(environment, "print(1)", GPUBACKPROP_ACCELERATE="1") == ("1\n", "")
        (package / "accelerator").mkdir(parents=True)
        for name in ("__init__", "accelerator/__init__", "accelerator/startup"):
            (package / f"{name}.py").touch()
        assert started(environment, "print(1)", GPUBACKPROP_ACCELERATE="1") == ("1\n", "")
    finally:
        behind.write_text(kept, encoding="utf-8")
        shutil.rmtree(package, ignore_errors=True)


def test_the_command_writes_and_deletes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gpubackprop-accelerate.pth"
    monkeypatch.setattr(start_file, "path", lambda: file)
    runner = CliRunner()
    for option, there in (("--install", True), ("--install", True), ("--remove", False)) * 2:
        result = runner.invoke(app, ["accelerate", option])
        assert result.exit_code == 0
        assert file.exists() is there
        assert (str(file) in result.output) is there
    assert "has no effect" in runner.invoke(app, ["accelerate"]).output
    both = runner.invoke(app, ["accelerate", "--install", "--remove"])
    assert both.exit_code == 1
    assert not file.exists()


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_file, "path", lambda: tmp_path / "missing" / "x.pth")
    result = CliRunner().invoke(app, ["accelerate", "--install"])
    assert result.exit_code == 1
