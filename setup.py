"""What pyproject.toml has no words for: the description on an index, and machine code in wheels.

An index shows the README alone, so links and pictures that are relative paths would be broken.
A wheel holds the CPU's kernels, compiled for the architecture that builds it; where that fails the
wheel goes without, and they are compiled when they are first needed.
"""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

PICTURE = re.compile(r"!\[[^]]*\]\((?!https:)[^)]*\)\n*")
LINK = re.compile(r"\[([^]]*)\]\((?!https:|#)[^)]*\)")


def description() -> str:
    """Leave relative pictures out of the README, and of relative links their text."""
    readme = (Path(__file__).parent / "README.md").read_text("utf-8")
    return LINK.sub(r"\1", PICTURE.sub("", readme))


class WithMachineCode(build_py):
    """Copies modules, then lets the copy compile the kernels; not where it would be edited."""

    def run(self) -> None:
        """Copy, then compile."""
        super().run()
        if not self.editable_mode:
            compile_kernels(Path(self.build_lib).resolve())


def compile_kernels(site: Path) -> None:
    """Put machine code beside the modules of a built package."""
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    builder = [sys.executable, "-P", "-m", "gpubackprop.kernels.build"]
    # A process of its own, as a compiler that crashes would take the build along.
    build = subprocess.run(
        [*builder, str(site / "gpubackprop" / "kernels" / "native")],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if build.returncode:
        reason = build.stderr.strip() or f"the compiler ended with {build.returncode}"
        logging.warning("no machine code in this wheel, first fits will compile: %s", reason)


class WithBinaries(Distribution):
    """Belongs where a Python installation keeps what runs on its platform only."""

    def has_ext_modules(self) -> bool:
        """Say that something in it is for one platform."""
        return True


class PlatformWheel(bdist_wheel):
    """Tags a wheel for one platform and any Python: machine code calls nothing of Python's."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag's parts: Python, its binary interface, platform."""
        return "py3", "none", super().get_tag()[2]


setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    distclass=WithBinaries,
    cmdclass={"build_py": WithMachineCode, "bdist_wheel": PlatformWheel},
)
