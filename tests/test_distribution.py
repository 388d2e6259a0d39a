"""The package however it is installed: wheel, source distribution, editable, bare checkout."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
USE = "from gpubackprop import Network, bench, kernels; net = Network((2, 1), backend='reference')"
FOUND = "import gpubackprop; print(gpubackprop.__file__); print(kernels.__file__, bench.__file__)"
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


def python(*arguments, folder, **named):
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **named,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def built(kind, source, into):
    """Build with setuptools as pip would, without its isolation; returns the file."""
    into.mkdir()
    code = (
        "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
    )
    python("-c", code, f"build_{kind}", str(into), folder=source)
    (file,) = into.iterdir()
    return file


def used(site_packages, folder):
    """Use the package in an interpreter with these site-packages; returns the files it found."""
    # The .pth files of our own site-packages are not read: they lead to an editable installation.
    dependencies = [path for path in sys.path if path.endswith("-packages")]
    paths = f"site.addsitedir({str(site_packages)!r}); sys.path += {dependencies!r}"
    code = f"import site, sys; {paths}; {USE}; {FOUND}"
    return [Path(line) for line in python("-S", "-P", "-c", code, folder=folder).split()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What is under version control, links as links, for builds leave files behind."""
    copy = tmp_path_factory.mktemp("checkout") / "gpubackprop"
    kept_out = shutil.ignore_patterns(
        ".*cache", ".git", "*.egg-info", "build", "dist", "__pycache__"
    )
    shutil.copytree(ROOT, copy, symlinks=True, ignore=kept_out)
    return copy


@pytest.fixture(scope="module")
def unpacked(checkout, tmp_path_factory):
    """The source distribution's folder."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built("sdist", checkout, folder / "sdist")) as archive:
        archive.extractall(folder, filter="data")
    (found,) = (path for path in folder.iterdir() if path.name != "sdist")
    return found


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    """The wheel that the source distribution makes."""
    return built("wheel", unpacked, tmp_path_factory.mktemp("wheels") / "wheel")


def sources(folder):
    """Modules of a checkout's package, through its links; micro-benchmarks are pytest's."""
    names = (path.relative_to(folder).as_posix() for path in links_followed(folder / "gpubackprop"))
    return sorted(name for name in names if "bench/micro/" not in name)


def links_followed(folder):
    for path in folder.iterdir():
        if path.is_dir():
            yield from links_followed(path)
        elif path.suffix == ".py" or path.name == "py.typed":
            yield path


def test_the_wheel_of_a_source_distribution_has_every_module_once(wheel):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(names) == sources(ROOT)


def test_a_wheel_works_where_no_checkout_is(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    found = used(tmp_path / "site", tmp_path)
    assert {path.parts[: len(tmp_path.parts) + 1] for path in found} == {(tmp_path / "site").parts}


def test_an_editable_installation_works(checkout, tmp_path):
    with zipfile.ZipFile(built("editable", checkout, tmp_path / "wheel")) as archive:
        archive.extractall(tmp_path / "site")
    for path in used(tmp_path / "site", tmp_path):
        assert path.is_relative_to(checkout)


def test_a_checkout_works_as_it_stands(checkout):
    for line in python("-c", f"{USE}; {FOUND}", folder=checkout).split():
        assert Path(line).is_relative_to(checkout)


def test_links_of_the_readme_work_in_the_source_distribution(unpacked):
    links = LINK.findall((unpacked / "README.md").read_text("utf-8"))
    relative = {link for link in links if not link.startswith("http")}
    assert len(relative) > 3
    assert [link for link in relative if not (unpacked / link).is_file()] == []


def test_an_index_shows_no_link_that_is_broken_there(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
    metadata = archive.read(name).decode()
    assert "Description-Content-Type: text/markdown" in metadata
    assert "# gpubackprop\n" in metadata
    assert "the results" in metadata
    assert [link for link in LINK.findall(metadata) if not link.startswith("https:")] == []
