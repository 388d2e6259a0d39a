"""The compile cache never breaks a user, each case in interpreters of its own."""

import errno
import io
import json
import logging
import os
import stat
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


@posix
def test_no_writable_home(run_python, tmp_path):
    obstacle = tmp_path / "home"  # a file: no matter of permissions, so the superuser's too
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


def test_a_folder_in_the_files_place(cache):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    kept.unlink()
    kept.mkdir()
    store.write("some_kernel", *KEPT)
    assert store.read("some_kernel") is None
    assert files(cache) == []


# other people's code


@pytest.fixture
def warned(caplog):
    """What was said at WARNING."""
    caplog.set_level(logging.WARNING, "gpubackprop")
    return lambda: [record.getMessage() for record in caplog.records]


def another_user(monkeypatch):
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 4242)


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_kept_is_the_users_own(cache, umask):
    before = os.umask(umask)
    try:
        store.write("some_kernel", *KEPT)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cache, *sorted(cache.rglob("*")))]
    assert modes == [0o700, 0o700, 0o600]
    assert store.read("some_kernel") == KEPT


@posix
def test_another_users_cache_is_neither_read_nor_written(cache, monkeypatch, warned):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    before = kept.read_bytes()
    another_user(monkeypatch)
    assert store.read("some_kernel") is None
    store.write("some_kernel", "another", b"code")
    store.write("another_kernel", *KEPT)
    assert store.count() == 0
    assert kept.read_bytes() == before
    assert objects(cache) == [kept]
    (words,) = warned()
    assert "is not used, it belongs to user" in words
    assert str(cache) in words


@posix
@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o770, 0o720])
@pytest.mark.parametrize("place", ["base", "version"])
def test_a_folder_that_others_may_write(cache, warned, mode, place):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    (cache if place == "base" else kept.parent).chmod(mode)
    assert store.read("some_kernel") is None
    store.write("another_kernel", *KEPT)
    assert objects(cache) == [kept]
    assert store.count() == 0
    (words,) = warned()
    assert "other users may write it" in words


@posix
def test_a_shared_folder_from_the_start(cache, warned):
    cache.mkdir()
    cache.chmod(0o1777)
    store.write("some_kernel", *KEPT)
    assert store.read("some_kernel") is None
    assert files(cache) == []
    assert len(warned()) == 1


@posix
@pytest.mark.parametrize("mode", [0o666, 0o620])
def test_a_file_that_others_may_write(cache, warned, mode):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    before = kept.read_bytes()
    kept.chmod(mode)
    assert store.read("some_kernel") is None
    store.write("some_kernel", "another", b"code")
    assert kept.read_bytes() == before
    (words,) = warned()
    assert "other users may write it" in words


@posix
@pytest.mark.skipif(os.name == "posix" and os.getuid() != 0, reason="only root gives files away")
def test_another_users_file_in_ones_own_folder(cache, warned):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    os.chown(kept, 4242, -1)
    assert store.read("some_kernel") is None
    store.write("some_kernel", *KEPT)
    assert kept.stat().st_uid == 4242
    assert "belongs to user 4242" in warned()[0]


@posix
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_ordinary_file_is_not_read(cache, tmp_path, kind):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    kept.rename(tmp_path / "elsewhere")
    kept.symlink_to(tmp_path / "elsewhere") if kind == "link" else os.mkfifo(kept)
    assert store.read("some_kernel") is None


@posix
def test_a_link_in_place_of_the_versions_folder(cache, tmp_path):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    kept.parent.rename(tmp_path / "elsewhere")
    kept.parent.symlink_to(tmp_path / "elsewhere")
    assert store.read("some_kernel") is None
    store.write("another_kernel", *KEPT)
    assert len(files(tmp_path / "elsewhere")) == 1


@posix
def test_a_home_in_the_chosen_place_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GPUBACKPROP_CACHE_DIR", "~/kept")
    assert store.directory() == tmp_path / "kept"


# one kernel's code under another's name


def test_a_file_under_another_name_counts_as_absent(cache):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    kept.rename(kept.with_name("another_kernel.o"))
    assert store.read("another_kernel") is None


TWO = (
    CALL
    + """
kernels.advance(counter, 3)
source = np.arange(6.0).reshape(3, 2)
chosen = np.zeros((2, 2))
kernels.gather(source, np.array([2, 0]), np.zeros(1, dtype=np.int64), chosen)
assert chosen.tolist() == [[4.0, 5.0], [0.0, 1.0]]
from gpubackprop.kernels.native.launch import compiled_kernels
print(*compiled_kernels())
"""
)


def test_swapped_code_is_not_run(run_python, cache):
    """Neither with the symbol of the other nor with its own."""
    first, second = run_python(TWO).split()
    kept = (symbol, code), (other, others_code) = store.read(first), store.read(second)
    for named in (other, symbol):
        store.write(first, named, others_code)
        store.write(second, symbol, code)
        assert (store.read(first), store.read(second)) != kept
        run_python(TWO)


# what is used no more


def old_version(cache, name, days):
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / "kernel.o").write_bytes(b"old")
    used = store.time.time() - days * 24 * 3600
    os.utime(folder, (used, used))
    return folder


def test_versions_long_unused_are_removed(cache):
    recent = old_version(cache, "0123456789abcdef", days=3)
    old = old_version(cache, "fedcba9876543210", days=40)
    cache.chmod(0o700)
    other = cache / "not of ours"
    other.mkdir()
    os.utime(other, (0, 0))
    store.write("some_kernel", *KEPT)
    assert (recent.exists(), old.exists(), other.exists()) == (True, False, True)


def test_the_last_versions_are_kept(cache):
    folders = [old_version(cache, f"{i:016x}", days=i) for i in range(1, 13)]
    cache.chmod(0o700)
    store.write("some_kernel", *KEPT)
    assert [folder.exists() for folder in folders] == [True] * 7 + [False] * 5
    assert store.read("some_kernel") == KEPT


def test_reading_is_use(cache):
    store.write("some_kernel", *KEPT)
    (kept,) = objects(cache)
    os.utime(kept.parent, (0, 0))
    store.read("some_kernel")
    assert store.time.time() - kept.parent.stat().st_mtime < 3600


# many processes


def test_two_cold_processes_at_once(run_python, tmp_path):
    processes = [run_python.start(CALL) for _ in range(2)]
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
    for name in ("elementwise.py", "native/compiler.py", "native/denormals.py"):
        source = copied_package / "gpubackprop" / "kernels" / name
        text = source.read_text()
        source.write_text(text + "\n# edited\n")
        seen.add(run_python(FINGERPRINT, **path))
        source.write_text(text)
    assert len(seen) == 4
    assert run_python(FINGERPRINT, **path) == original


def test_what_no_machine_code_is_made_of_leaves_the_key(run_python, copied_package):
    path = {"PYTHONPATH": str(copied_package)}
    original = run_python(FINGERPRINT, **path)
    for name in ("cuda/layers.py", "reference.py", "native/store.py"):
        with (copied_package / "gpubackprop" / "kernels" / name).open("a") as source:
            source.write("\n# edited\n")
    updated = "import platform; platform.platform = lambda: 'Linux-99.9'; "
    updated += "platform.release = lambda: '99.9'; platform.version = platform.release\n"
    assert run_python(updated + FINGERPRINT, **path) == original


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


def test_numbas_own_cache_stays_where_it_was(run_python):
    out = run_python(NUMBA_SETTING.format(call=CALL), NUMBA_CACHE_DIR=None)
    assert json.loads(out) == ["", "", None]


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
