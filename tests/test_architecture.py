"""Imports run one way, importing is cheap, the wheel is complete, the examples run."""

import ast
import doctest
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import typer.main

import gpubackprop
from gpubackprop import bench, kernels
from gpubackprop.cli.app import app
from gpubackprop.kernels.native.sources import NAMES as MACHINE_CODE

ROOT = Path(__file__).parent.parent
PACKAGE = "gpubackprop"
FOLDERS = {
    PACKAGE: Path(gpubackprop.__file__).parent,
    f"{PACKAGE}.bench": Path(bench.__file__).parent,
    f"{PACKAGE}.kernels": Path(kernels.__file__).parent,
}
"""Where sources lie: `bench` and `kernels` stand beside `gpubackprop` in the checkout."""
MICRO = FOLDERS[f"{PACKAGE}.bench"] / "micro"
"""The micro-benchmarks, which pytest runs and nobody imports."""

FLOORS = (
    # A module imports from lower floors, or from its own where that makes no circle. A name stands
    # for the module and all below it, unless a longer name here says otherwise.
    ("__main__",),
    ("cli",),
    ("bench.catalogue", "bench.run"),
    ("bench.on_cpu", "bench.on_gpu", "bench.claims"),
    ("bench.speedups",),
    ("bench.processes", "bench.report.report"),
    ("bench.report",),
    ("bench.fit_ranks",),
    ("bench.fit_once", "bench.options"),
    ("bench.contestants",),
    ("bench.repeated", "bench.start"),
    ("bench", "bench.processes.service"),  # what all benchmarks share
    ("table.model_file",),
    ("table.model_contents",),
    ("table.model_archive",),
    ("table",),
    ("",),  # gpubackprop/__init__.py: the public names
    ("export",),
    ("export.onnx", "export.trusted", "export.weights"),
    ("export.graph",),
    ("accelerator.notebook", "accelerator.script"),
    ("accelerator.switch", "accelerator.start_file"),
    ("accelerator.startup",),
    ("accelerator.patching",),
    ("accelerator.profile", "accelerator.searches"),
    ("accelerator.measuring", "accelerator.report"),
    ("displays", "estimators", "gradient_check", "joblib_name", "rows_on_disk"),
    ("fitting.accelerated",),
    (
        *("fitting.gpu_inputs", "fitting.labels", "fitting.lbfgs", "fitting.stochastic"),
        "fitting.whole_fit",
    ),
    ("fitting.engines.choice", "fitting.ranks.devices"),
    ("fitting.engines.full_batch_of_ranks", "fitting.engines.kept", "fitting.engines.of_ranks"),
    ("fitting.engines.dense", "fitting.engines.full_batch", "fitting.engines.steps"),
    ("fitting.prediction", "network"),
    ("network_arguments", "network_records"),
    ("fitting.backup.led_keeper",),
    ("fitting.backup.keeper",),
    ("fitting.backup",),
    ("fitting.ranks.rows",),
    (
        "fitting.epoch_loop",
        "fitting.conversion",
        "fitting.options.class_weight",
        "fitting.rows",
        "fitting.validation",
        "fitting.gpu_validation",
        "fitting.overrides",
        "fitting.quantiles",
        "fitting.callbacks.copies",
        "fitting.options.pace",
        "fitting.ranks.replicas",
        "fitting.row_order",
        "fitting.callbacks.hooks",
    ),
    (
        *("fitting.exchange", "fitting.namespaces", "fitting.options.regularisation"),
        "joblib_backend",
    ),
    ("fitting.callbacks.epoch_history",),
    ("fitting.options.formula_names",),
    (
        *("fitting.scikit_learn.declared", "fitting.options.values", "fitting.solvers"),
        "fitting.scikit_learn.warnings",
    ),
    ("callbacks",),
    (
        "history",
        "fitting.callbacks.changes",
        "fitting.scikit_learn.contract",
        "fitting.scikit_learn.docstrings",
        "fitting.scikit_learn.scores",
    ),
    (
        *("fitting.scikit_learn.binarizer", "fitting.scikit_learn.checks"),
        *("fitting.scikit_learn.generators", "fitting.scikit_learn.parameters"),
    ),
    ("distributed.block", "distributed.device_group"),
    ("distributed.finding", "distributed.node"),
    ("training.rank_epochs",),
    ("training.epochs", "training.evaluation", "backends.cuda.device_arrays"),
    ("training.epoch_series",),
    (
        *("training.batches", "training.dealing", "training.snapshot", "training.schedules"),
        "training.memory_plan",
    ),
    ("training.read_ahead",),
    ("training.block_order",),
    ("backends",),
    ("backends.compiled", "backends.cuda.backend", "backends.reference"),
    ("backends.cuda.execution", "backends.cuda.memory"),
    ("backends.cuda.rendezvous",),
    ("backends.cuda.recorded",),
    ("backends.cuda.fusion",),
    (
        "backends.backend",
        "backends.thread_team",
        "backends.cuda",
        "backends.threads",
        "backends.device_names",
        "backends.recording",
    ),
    ("backends.quota", "backends.starvation", "distributed"),
    ("backprop",),
    ("algorithm.optimizers",),
    ("algorithm.workspace",),
    ("algorithm.dropout",),
    ("algorithm.parameters",),
    ("algorithm.memory",),
    ("algorithm.checkpointing",),
    ("kernels.cuda.gpu",),
    (
        *("kernels.cuda.primitives", "kernels.cuda.cublas", "kernels.cuda.compiler"),
        "kernels.cuda.nccl",
    ),
    ("kernels.cuda.device",),
    ("kernels.cuda.layers", "kernels.cuda.updates"),
    ("kernels.cuda.sums",),
    ("kernels.cuda.vectors",),
    ("kernels.cuda.intrinsics",),
    ("kernels.cuda.tile",),
    ("kernels.alike",),
    ("kernels.compiled", "kernels.reference", "kernels.replay"),
    ("kernels.calls",),
    ("kernels.protocol",),
    ("kernels.group",),
    ("kernels.sparse",),
    (
        *("kernels.optimizers", "kernels.masks", "kernels.products", "kernels.native.launch"),
        "kernels.build",
    ),
    ("kernels.loops", "kernels.product_loops", "kernels.replay_loops", "kernels.update_loops"),
    ("kernels.native.intrinsics", "kernels.native.tiles", "kernels.native.denormals"),
    ("kernels.elementwise", "kernels.textbook", "kernels.blas"),
    ("kernels.elementary",),
    ("kernels.gemm",),
    (
        "kernels.formulas",
        "kernels.native.compiler",
        "kernels.native.store",
        "kernels.native.shipped",
    ),
    ("kernels.native.loader", "kernels.native.entry"),
    ("kernels.native.arguments",),
    (
        "kernels.kernel",
        "kernels.numba_contract",
        "kernels.philox",
        "kernels.native.targets",
        "kernels.native.sources",
        "kernels.blas_library",
    ),
    ("_version", "after_import", "files"),
    # their __init__.py; whatever is new below them lands here
    (
        "accelerator",
        "algorithm",
        "fitting",
        "fitting.callbacks",
        "fitting.options",
        "fitting.ranks",
        "fitting.scikit_learn",
        "guide",
        "names",
        "representation",
        "kernels",
        "kernels.cuda",
        "kernels.native",
        "training",
    ),
)


def module_name(path, package, folder):
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join((package, *(part for part in parts if part != "__init__")))


def sources():
    """All modules by name, with their files."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            inside = set(path.relative_to(folder).parts)
            nested = package == PACKAGE and inside & {"bench", "kernels"}
            if not nested and MICRO not in path.parents:
                found[module_name(path, package, folder)] = path
    return found


SOURCES = sources()


def floor(module):
    """Index of the floor whose name is the longest that fits."""
    inside = module.removeprefix(PACKAGE).removeprefix(".")
    fits = [
        (len(name), index)
        for index, names in enumerate(FLOORS)
        for name in names
        if inside == name or (name and inside.startswith(name + "."))
    ]
    return max(fits)[1] if fits else None


def absolute(module, level, name):
    """Resolve `from ..name` as written in `module`."""
    if not level:
        return name or ""
    package = module if SOURCES[module].name == "__init__.py" else module.rpartition(".")[0]
    for _ in range(level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{name}" if name else package


def imported_by(module, tree):
    """Modules of ours that a source imports anywhere, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(module, node.level, node.module)
            below = [f"{origin}.{alias.name}" for alias in node.names]
            submodules = [name for name in below if name in SOURCES]
            targets = submodules + ([origin] if len(submodules) < len(below) else [])
        elif is_import_module(node):
            written = node.args[0].value
            level = len(written) - len(written.lstrip("."))
            targets = [absolute(module, level, written.lstrip("."))]
        else:
            continue
        yield from (t for t in targets if t in SOURCES and t != module)


def is_import_module(node):
    """Whether this is `import_module("...")`, an import that looks like a call."""
    return (
        isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", None)) == "import_module"
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
    )


@cache
def graph():
    """Modules that each module imports."""
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in SOURCES.items()}
    return {module: set(imported_by(module, tree)) for module, tree in trees.items()}


def upward(edges):
    """Imports that climb."""
    for module, targets in sorted(edges.items()):
        for target in sorted(targets):
            if floor(target) < floor(module):
                yield f"{module} imports {target}"


def circle(edges):
    """Some modules that import each other in a circle, or nothing."""
    done = set()

    def visit(module, path):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        done.add(module)
        return next(filter(None, (visit(t, [*path, module]) for t in sorted(edges[module]))), [])

    return next(filter(None, (visit(module, []) for module in sorted(edges))), [])


# imports


def test_every_module_has_a_floor():
    assert len(SOURCES) > 30
    assert [module for module in SOURCES if floor(module) is None] == []


def test_imports_run_downwards():
    assert list(upward(graph())) == []


def test_no_imports_in_a_circle():
    assert circle(graph()) == []


def room(module):
    """Folder or file on top of the package that a module lies in."""
    return ".".join(module.split(".")[:2])


def test_rooms_import_one_way():
    edges = {room(module): set() for module in graph()}
    for module, targets in graph().items():
        edges[room(module)] |= {room(target) for target in targets} - {room(module)}
    assert circle(edges) == []


def test_the_algorithm_is_found_above_its_memory():
    """The graph is not empty: relative imports are seen."""
    edges = graph()
    assert f"{PACKAGE}.algorithm.workspace" in edges[f"{PACKAGE}.backprop"]
    assert f"{PACKAGE}.kernels.blas" in edges[f"{PACKAGE}.kernels.products"]
    assert f"{PACKAGE}.kernels.formulas" in edges[f"{PACKAGE}.kernels.loops"]
    assert f"{PACKAGE}.backends" in edges[f"{PACKAGE}.network"]


LOOPS = ("loops", "product_loops", "update_loops", "replay_loops")


def test_the_hash_of_machine_code_covers_all_that_it_is_made_of():
    edges, made_of = graph(), set()
    waiting = {f"{PACKAGE}.kernels.{name}" for name in (*LOOPS, "native.compiler")}
    while waiting:
        module = waiting.pop()
        made_of.add(module)
        waiting |= edges[module] - made_of
    folder = FOLDERS[f"{PACKAGE}.kernels"]
    assert {SOURCES[module] for module in made_of} == {folder / name for name in MACHINE_CODE}


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("kernels.reference", "from ..backprop import bind"),
        ("kernels.native.arguments", "from ..formulas import Activation"),
        ("backprop", "def f():\n    from .training.epochs import Epochs"),
        ("algorithm.workspace", "import gpubackprop.estimators"),
        ("algorithm.parameters", "import_module('..network', __package__)"),
        ("training.epochs", "from ..fitting import epoch_loop"),
    ],
)
def test_a_climbing_import_is_caught(module, code):
    name = f"{PACKAGE}.{module}"
    edges = {name: set(imported_by(name, ast.parse(code)))}
    assert len(list(upward(edges))) == 1


def test_a_circle_is_caught():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


# what importing costs

HEAVY = (
    *("numba", "numba.cuda", "cupy", "typer", "rich", "matplotlib", "skops"),
    *("pandas", "pyarrow"),
)


def loaded_after(code, tmp_path, granted="pass"):
    """Heavy packages that a fresh interpreter holds after running `code`, `granted` before it."""
    script = f"""
import sys
{granted}
heavy = set({HEAVY}) - set(sys.modules)
{code}
print(*(heavy & set(sys.modules)))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,  # not the checkout: what is tested is what is installed
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_importing_the_package_is_light(tmp_path):
    assert loaded_after("import gpubackprop", tmp_path) == []


def test_importing_and_making_estimators_is_light(tmp_path):
    code = "from gpubackprop import MLPClassifier, MLPRegressor; MLPClassifier(); MLPRegressor()"
    # scikit-learn itself imports pandas where that is installed.
    assert loaded_after(code, tmp_path, "import sklearn.neural_network") == []


def test_the_reference_needs_no_compiler(tmp_path):
    code = "from gpubackprop import Network; Network((2, 1), backend='reference').forward([1, 2])"
    assert loaded_after(code, tmp_path) == []


# what is shipped


def test_the_wheel_has_every_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted({m for m, p in SOURCES.items() if p.name == "__init__.py"})


def test_every_folder_with_sources_is_a_package():
    bare = {path.parent for path in SOURCES.values()}
    assert [folder for folder in bare if not (folder / "__init__.py").is_file()] == []


# what is public


@pytest.mark.parametrize("name", gpubackprop.__all__)
def test_a_public_name_resolves(name):
    value = getattr(gpubackprop, name)
    assert name in dir(gpubackprop)
    assert isinstance(value, str) or value.__doc__


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="'gpubackprop' has no attribute 'MLPTransformer'"):
        gpubackprop.MLPTransformer  # noqa: B018


DOCUMENTED = [
    module
    for module, path in SOURCES.items()
    if not module.startswith((f"{PACKAGE}.cli", f"{PACKAGE}.bench.contestants.enter_"))
    and ">>> " in path.read_text("utf-8")
]
"""With examples; not the command line, nor what needs another library."""


@pytest.mark.parametrize("module", DOCUMENTED)
def test_examples_run(module):
    result = doctest.testmod(import_module(module))
    assert result.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [
        example
        for module in DOCUMENTED
        for test in finder.find(import_module(module))
        for example in test.examples
    ]
    assert len(examples) > 10


# the documents


BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_readme_runs(block, capsys):
    """Each block in a namespace of its own: a reader copies one."""
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert printed or hasattr(names["model"], "coefs_")


def test_the_readme_has_blocks():
    assert len(BLOCKS) >= 3


COMMANDS = sorted(
    set(re.findall(r"`(gpubackprop [^`]+)`", (ROOT / "README.md").read_text("utf-8")))
)


@pytest.mark.parametrize("command", COMMANDS)
def test_options_that_the_readme_names_exist(command):
    group = typer.main.get_command(app)
    name, *options = command.split()[1:]
    known = {option for parameter in group.commands[name].params for option in parameter.opts}
    assert {option for option in options if option.startswith("-")} <= known
