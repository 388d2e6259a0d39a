import os

import pytest

from gpubackprop.files import WriteError, check_writable, write_atomically


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
