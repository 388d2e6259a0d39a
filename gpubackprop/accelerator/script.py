"""``python -m gpubackprop script.py``: run a program as Python would, with acceleration."""

import argparse
import importlib.util
import os
import sys
from contextlib import ExitStack
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from .switch import accelerate

_OF_THE_COMMAND_LINE = ("-h", "--help", "--version", "--install-completion", "--show-completion")


def is_program(arguments: list[str], commands: tuple[str, ...]) -> bool:
    """Whether arguments name a program to run, not one of the command line's `commands`.

    `./train` is a program that is called as one of them.
    """
    return bool(arguments) and arguments[0] not in (*commands, *_OF_THE_COMMAND_LINE)


def run(arguments: list[str]) -> None:
    """Run the program that arguments name.

    They are options, then `script.py`, `-` for standard input or `-m module`, then the program's
    own.
    """
    options = _parser().parse_args(arguments)
    program = options.module or options.script
    if not program:
        _parser().error("name a script, - for standard input, or -m and a module")
    choices = {name: getattr(options, name) for name in ("device", "backend", "precision")}
    try:
        accelerate(**choices)
    except ValueError as error:
        _parser().error(str(error))
    os.environ["GPUBACKPROP_ACCELERATE"] = "1"  # for other Pythons that the program starts
    with ExitStack() as stack:
        if options.profile:
            from .report import profiled

            stack.enter_context(profiled(sys.stderr))
        main, code = (_module if options.module else _script)(*program)
        sys.modules["__main__"] = main
        _execute(code, main)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gpubackprop",
        usage="%(prog)s [options] script.py [...] | - [...] | -m module [...]",
        allow_abbrev=False,
    )
    parser.add_argument("--profile", action="store_true", help="report what was accelerated")
    for name in ("--device", "--backend", "--precision"):
        parser.add_argument(name, help="see gpubackprop.accelerate")
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help="a module to run")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="a script to run")
    return parser


def _script(name: str, *arguments: str) -> tuple[ModuleType, CodeType]:
    """Make the module `__main__` of a script, and its code, as ``python script.py`` does."""
    sys.argv[:] = [name, *arguments]
    main = ModuleType("__main__")
    if name == "-":
        return main, compile(sys.stdin.read(), "<stdin>", "exec")
    path = os.path.abspath(name)
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(name))
    main.__file__, main.__loader__ = path, SourceFileLoader("__main__", path)
    vars(main)["__cached__"] = None
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        _stop(f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}")
    return main, _compiled(source, path)


def _module(name: str, *arguments: str) -> tuple[ModuleType, CodeType]:
    """Make the module `__main__` of a module, and its code, as ``python -m`` does."""
    sys.argv[:] = ["-m", *arguments]
    spec = _found(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _found(f"{name}.__main__")
    loader: Any = spec and spec.loader
    code = loader.get_code(spec.name) if spec and hasattr(loader, "get_code") else None
    if spec is None or code is None:
        _stop(f"No module named {name}, or it has no code to run")
    main = ModuleType("__main__")
    main.__file__, main.__loader__, main.__spec__ = spec.origin, loader, spec
    main.__package__ = spec.parent
    vars(main)["__cached__"] = spec.cached
    sys.argv[0] = str(spec.origin)
    return main, code


def _found(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None


def _stop(message: str) -> NoReturn:
    print(f"{sys.executable}: {message}", file=sys.stderr)
    raise SystemExit(2)


def _compiled(source: bytes, path: str) -> CodeType:
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except SyntaxError:
        _show_from(None)
        raise


def _execute(code: CodeType, main: ModuleType) -> None:
    vars(main)["__builtins__"] = __builtins__
    try:
        exec(code, vars(main))
    except BaseException:
        _show_from(vars(main))
        raise


def _show_from(program: dict[str, Any] | None) -> None:
    """Let tracebacks begin in the program's own frames, as if Python had run it."""
    show = sys.excepthook

    def shortened(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        below = traceback
        while below is not None and below.tb_frame.f_globals is not program:
            below = below.tb_next
        show(kind, error.with_traceback(below), below)

    sys.excepthook = shortened
