"""The compile cache never breaks a user, each case in interpreters of its own."""

import errno
import io
import json
import os
from pathlib import Path

import pytest

from gpubackprop.kernels.native import store

CALL = """
import numpy as np
from gpubackprop.kernels.compiled import kernels
counter = np.zeros(1, dtype=np.int64)
kernels.advance(counter, 3)
assert counter[0] == 3
"""
"""The smallest kernel that there is."""

SAY_IF_COMPILED = "import sys; print('compiled' if 'numba' in sys.modules else 'loaded')"

REPORT = CALL + SAY_IF_COMPILED

posix = pytest.mark.skipif(os.name != "posix", reason="a limit that POSIX systems have")


def files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def objects(folder):
    """Object files below a folder, which must hold nothing else."""
    found = files(folder)
    assert all(path.suffix == ".o" for path in found), found
    return found


def test_the_first_process_compiles_and_the_second_loads(run_python, tmp_path):
    assert run_python(REPORT) == "compiled"
    (kept,) = objects(tmp_path / "cache")
    before = kept.stat()
    assert run_python(REPORT) == "loaded"
    assert kept.stat().st_mtime_ns == before.st_mtime_ns


# nowhere to write


def test_a_cache_directory_below_a_file(run_python, tmp_path):
    # Not a matter of permissions, so it fails for the superuser too.
    obstacle = tmp_path / "obstacle"
    obstacle.write_text("mine")
    assert run_python(REPORT, GPUBACKPROP_CACHE_DIR=str(obstacle / "below")) == "compiled"
    assert obstacle.read_text() == "mine"
    assert files(tmp_path) == [obstacle]


@posix
def test_no_writable_home(run_python, tmp_path):
    obstacle = tmp_path / "home"
    obstacle.write_text("")
    environment = {"HOME": str(obstacle), "XDG_CACHE_HOME": None, "GPUBACKPROP_CACHE_DIR": None}
    assert run_python(REPORT, **environment) == "compiled"
    assert files(tmp_path) == [obstacle]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache directory for this process, of which the kernels in use take no notice."""
    monkeypatch.setenv("GPUBACKPROP_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


KEPT = ("a_symbol", bytes(range(256)) * 4)


def test_what_is_written_is_read(cache):
    store.write("some_kernel", *KEPT)
    assert store.read("some_kernel") == KEPT
    assert store.read("another_kernel") is None
    assert len(objects(cache)) == store.count() == 1


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/gpubackprop"])
def test_a_place_that_takes_no_files(tmp_path, monkeypatch, place):
    obstacle = tmp_path / "obstacle"
    obstacle.write_text("mine")
    chosen = {"a file": obstacle, "below a file": obstacle / "below"}.get(place, place)
    monkeypatch.setenv("GPUBACKPROP_CACHE_DIR", str(chosen))
    if Path(place).is_absolute() and not Path(place).parent.is_dir():
        pytest.skip("no such file system here")
    store.write("some_kernel", *KEPT)
    assert store.read("some_kernel") is None
    assert store.count() == 0
    assert files(tmp_path) == [obstacle]


@posix
def test_the_default_place_is_the_users(tmp_path, monkeypatch):
    for name in ("GPUBACKPROP_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    place = store.directory()
    assert place.is_relative_to(tmp_path)
    assert place.name == "gpubackprop"


# a full disk


FULL_AT_WRITE = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # a longer file cannot be written
"""


@posix
def test_training_on_a_full_disk(run_python, tmp_path):
    assert run_python(FULL_AT_WRITE + REPORT) == "compiled"
    assert files(tmp_path) == []


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


class FullFile(io.BytesIO):
    """A file on a disk that fills up while it is written."""

    def write(self, content):
        full()


def open_full(descriptor, *args, **kwargs):
    os.close(descriptor)
    return FullFile()


@pytest.mark.parametrize(
    ("call", "fails"),
    [("tempfile.mkstemp", full), ("os.fdopen", open_full), ("os.replace", full)],
    ids=["creation", "writing", "renaming"],
)
def test_a_full_disk_leaves_nothing_behind(cache, monkeypatch, call, fails):
    with monkeypatch.context() as during:
        during.setattr(call, fails)
        store.write("some_kernel", *KEPT)
    assert files(cache) == []
    store.write("some_kernel", *KEPT)  # there is room again
    assert store.read("some_kernel") == KEPT


# damage


def truncate(content):
    return content[: len(content) // 2]


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {
    "truncated": truncate,
    "a flipped byte": flip,
    "a flipped byte in the checksum": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "one byte short": lambda content: content[:-1],
    "one byte more": lambda content: content + b"\0",
    "empty": lambda content: b"",
    "garbage": lambda content: bytes(range(256)) * 20,
    "text": lambda content: b"\n\nnothing of ours\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_counts_as_absent_and_is_mended(damage, cache):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    kept.write_bytes(DAMAGES[damage](kept.read_bytes()))
    assert store.read("some_kernel") is None
    store.write("some_kernel", *KEPT)
    assert store.read("some_kernel") == KEPT
    assert objects(cache) == [kept]


def test_training_mends_a_damaged_file(run_python, tmp_path):
    run_python(CALL)
    (kept,) = objects(tmp_path / "cache")
    kept.write_bytes(truncate(kept.read_bytes()))
    assert run_python(REPORT) == "compiled"
    assert objects(tmp_path / "cache") == [kept]
    assert run_python(REPORT) == "loaded"


def test_a_folder_in_the_files_place(cache):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    kept.unlink()
    kept.mkdir()
    store.write("some_kernel", *KEPT)
    assert store.read("some_kernel") is None
    assert files(cache) == []


# many processes


def test_four_cold_processes_at_once(run_python, tmp_path):
    processes = [run_python.start(REPORT) for _ in range(4)]
    for process in processes:
        run_python.finish(process)
    assert len(objects(tmp_path / "cache")) == 1
    assert run_python(REPORT) == "loaded"


# the key


FINGERPRINT = "from gpubackprop.kernels.native import store; print(store.fingerprint())"


def test_an_edited_callee_changes_the_key(run_python, copied_package):
    path = {"PYTHONPATH": str(copied_package)}
    original = run_python(FINGERPRINT, **path)
    seen = {original}
    for name in ("elementwise.py", "native/compiler.py"):
        source = copied_package / "gpubackprop" / "kernels" / name
        text = source.read_text()
        source.write_text(text + "\n# edited\n")
        seen.add(run_python(FINGERPRINT, **path))
        source.write_text(text)
    assert len(seen) == 3
    assert run_python(FINGERPRINT, **path) == original


def test_an_edited_kernel_is_not_served_from_the_store(run_python, copied_package, tmp_path):
    path = {"PYTHONPATH": str(copied_package)}
    run_python(CALL, **path)
    source = copied_package / "gpubackprop" / "kernels" / "loops.py"
    edited = source.read_text().replace("counter[0] += amount", "counter[0] += 2 * amount")
    assert edited != source.read_text()
    source.write_text(edited)
    run_python(CALL.replace("== 3", "== 6"), **path)
    assert len(objects(tmp_path / "cache")) == 2


# other people's things


NUMBA_SETTING = """
import numba
before = numba.config.CACHE_DIR
{call}
import json, os
print(json.dumps([before, numba.config.CACHE_DIR, os.environ.get("NUMBA_CACHE_DIR")]))
"""


@pytest.mark.parametrize("chosen", [True, False])
def test_numbas_own_cache_stays_where_it_was(run_python, tmp_path, chosen):
    theirs = str(tmp_path / "theirs") if chosen else None
    out = run_python(NUMBA_SETTING.format(call=CALL), NUMBA_CACHE_DIR=theirs)
    assert json.loads(out) == [theirs or "", theirs or "", theirs]
    assert not (tmp_path / "theirs").exists()


def test_sources_are_only_read(run_python, copied_package, tmp_path):
    def snapshot():
        return {path: path.read_bytes() for path in files(copied_package)}

    before = snapshot()
    where = "; import gpubackprop.kernels.loops as loops; print(loops.__file__)"
    environment = {"PYTHONPATH": str(copied_package), "PYTHONDONTWRITEBYTECODE": "1"}
    what, place = run_python(REPORT + where, **environment).splitlines()
    assert what == "compiled"
    assert Path(place).is_relative_to(copied_package)
    assert snapshot() == before
