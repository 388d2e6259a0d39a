"""How many cores a container's CPU quota is worth: Linux control groups, versions 1 and 2."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

_MOUNTED = Path("/sys/fs/cgroup")
_LISTED = Path("/proc/self/cgroup")


@cache
def cores(listed: Path = _LISTED, mounted: Path = _MOUNTED) -> int | None:
    """Whole cores, at least 1, of the smallest quota on this process's groups; None without any.

    The kernel names the groups of this process in the file `listed`.
    """
    quotas = [quota for folder in _folders(listed, mounted) for quota in _quota(folder)]
    return max(1, int(min(quotas))) if quotas else None


def _folders(listed: Path, mounted: Path) -> Iterator[Path]:
    """Folders of the groups and of all groups around them, which limit them, too."""
    for line in _text(listed).splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            roots = [mounted, mounted / "unified"]
        elif "cpu" in controllers.split(","):
            roots = [mounted / controllers, mounted / "cpu"]
        else:
            continue
        path = PurePosixPath(group.lstrip("/"))
        for root in roots:
            yield root / path
            yield from (root / around for around in path.parents)


def _quota(folder: Path) -> Iterator[float]:
    """Cores that a group's quota is worth, where it has one."""
    share = _text(folder / "cpu.max").split()  # version 2: "200000 100000", or "max 100000"
    if not share:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        share = [_text(folder / name).strip() for name in names]
    if len(share) == 2 and all(part.isdecimal() for part in share):  # not "max" or "-1"
        yield int(share[0]) / int(share[1])


def _text(path: Path) -> str:
    """Contents of a file, nothing where it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
