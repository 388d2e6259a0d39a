"""A container's CPU quota counts as so many cores, in both versions of Linux control groups."""

import pytest

from gpubackprop.backends import threads
from gpubackprop.backends.quota import cores


def tree(tmp_path, listed, files):
    """A /proc/self/cgroup and the files below a mount of control groups."""
    (tmp_path / "listed").write_text(listed)
    for name, text in files.items():
        path = tmp_path / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return cores(tmp_path / "listed", tmp_path / "mounted")


V1 = "cpu.cfs_quota_us", "cpu.cfs_period_us"


@pytest.mark.parametrize(
    ("listed", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "20000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "100000 50000", "a/cpu.max": "300000 100000"}, 2),
        ("0::/../a\n", {"cpu.max": "250000 100000\n"}, 2),
        ("2:cpu,cpuacct:/\n", {f"cpu,cpuacct/{V1[0]}": "200000", f"cpu,cpuacct/{V1[1]}": "1"}, 2e5),
        ("1:cpu:/\n0::/\n", {f"cpu/{V1[0]}": "-1\n", f"cpu/{V1[1]}": "100000\n"}, None),
        ("1:cpu:/d/1\n", {f"cpu/{V1[0]}": "200000\n", f"cpu/{V1[1]}": "100000\n"}, 2),
        ("1:cpuset:/\n2:memory:/\n", {"cpu.max": "100000 100000\n"}, None),
        ("1:cpu:/\n0::/x\n", {"unified/x/cpu.max": "100000 100000\n"}, 1),
    ],
)
def test_whole_cores_of_the_smallest_quota(tmp_path, listed, files, expected):
    assert tree(tmp_path, listed, files) == expected


def test_without_control_groups_none(tmp_path):
    assert cores(tmp_path / "nowhere", tmp_path) is None


def test_fewer_threads_where_a_quota_says_so(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: None)
    before = threads.available()
    for quota in (1, before, before + 1):
        monkeypatch.setattr(threads, "cores", lambda quota=quota: quota)
        assert threads.available() == min(quota, before)
