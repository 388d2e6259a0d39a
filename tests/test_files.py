import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from gpubackprop.files import ReadError, WriteError, check_writable, read_regular, write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="permissions that POSIX systems have")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_atomically(tmp_path / "link", b"content")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"content"


def test_unwritable_places_are_refused_beforehand(tmp_path):
    with pytest.raises(WriteError, match="there is no folder"):
        check_writable(tmp_path / "none" / "model")
    with pytest.raises(WriteError, match="not an ordinary file"):
        check_writable(tmp_path)
    with pytest.raises(WriteError, match="not an ordinary file"):
        check_writable(os.devnull)


def test_a_read_only_folder_is_refused_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(WriteError, match="read-only"):
        check_writable(tmp_path / "model")


@pytest.mark.parametrize("writes", [check_writable, lambda path: write_atomically(path, b"new")])
@pytest.mark.parametrize("length", [250, 255])
def test_a_long_name_is_written(tmp_path, writes, length):
    writes(tmp_path / ("n" * length))
    assert {len(name) for name in os.listdir(tmp_path)} <= {length}


@pytest.mark.parametrize("writes", [check_writable, lambda path: write_atomically(path, b"new")])
def test_a_name_that_is_too_long_is_refused(tmp_path, writes):
    with pytest.raises(WriteError, match=r"cannot be written.*too long"):
        writes(tmp_path / ("n" * 256))
    assert os.listdir(tmp_path) == []


@posix
def test_another_users_file_in_a_sticky_folder_is_refused_beforehand(tmp_path, monkeypatch):
    tmp_path.chmod(0o1777)
    (tmp_path / "model").write_bytes(b"theirs")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 4242)
    with pytest.raises(WriteError, match="belongs to another user"):
        check_writable(tmp_path / "model")
    check_writable(tmp_path / "another")
    tmp_path.chmod(0o777)
    check_writable(tmp_path / "model")


def test_a_full_disk_is_found_beforehand(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(WriteError, match="No space left"):
        check_writable(tmp_path / "model")


@posix
@pytest.mark.parametrize("kept", [0o600, 0o640, 0o755])
def test_a_replaced_file_keeps_its_permissions(tmp_path, kept):
    (tmp_path / "model").write_bytes(b"old")
    (tmp_path / "model").chmod(kept)
    write_atomically(tmp_path / "model", b"new")
    assert mode(tmp_path / "model") == kept


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_of_all_new_files(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "model", b"new")
        (tmp_path / "plain").write_bytes(b"new")
    finally:
        assert os.umask(before) == umask
    assert mode(tmp_path / "model") == mode(tmp_path / "plain")


@posix
def test_nobody_else_reads_what_is_half_written(tmp_path, monkeypatch):
    modes = []
    (tmp_path / "secret").write_bytes(b"old")
    (tmp_path / "secret").chmod(0o600)
    monkeypatch.setattr(os, "fsync", lambda _: modes.extend(map(mode, tmp_path.iterdir())))
    write_atomically(tmp_path / "secret", b"new")
    assert modes == [0o600, 0o600]


@posix
def test_a_planted_link_is_not_followed(tmp_path):
    """Under the name that partial files had."""
    (tmp_path / "mine").write_bytes(b"mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / f".model.{os.getpid()}.partial").symlink_to(tmp_path / "mine")
    write_atomically(folder / "model", b"new")
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_threads_that_write_one_path(tmp_path):
    """Each read finds one writer's whole content; nobody fails and nothing is left."""
    path, contents, failures = tmp_path / "model", [bytes([i]) * 100_000 for i in range(4)], []
    write_atomically(path, contents[0])

    def write(content):
        try:
            for _ in range(25):
                write_atomically(path, content)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in contents
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert os.listdir(tmp_path) == ["model"]


KILLED = """
import os, signal
from pathlib import Path
from gpubackprop.files import write_atomically
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_atomically("model", b"new")
"""


@posix
def test_what_a_kill_leaves_is_removed_by_the_next_save(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    write_atomically(tmp_path / "another", b"new")
    assert os.listdir(tmp_path) == ["another"]


@posix
def test_what_is_being_written_is_no_orphan(tmp_path, monkeypatch):
    """A save inside a save: the inner one does not remove the outer one's partial file."""
    sync = os.fsync

    def save_another(descriptor):
        monkeypatch.setattr(os, "fsync", sync)
        write_atomically(tmp_path / "inner", b"inner")

    monkeypatch.setattr(os, "fsync", save_another)
    write_atomically(tmp_path / "outer", b"outer")
    assert sorted(os.listdir(tmp_path)) == ["inner", "outer"]


@posix
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "pipe", "folder"])
def test_only_ordinary_files_are_read(tmp_path, path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReadError, match="not an ordinary file"):
        read_regular(tmp_path / path, 100)


def test_a_larger_file_is_not_read(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(10**12)
    with pytest.raises(ReadError, match="1,000,000,000,000 bytes, more than the 100 that are read"):
        read_regular(tmp_path / "sparse", 100)
