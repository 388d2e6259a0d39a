"""Names of devices: "auto", "cpu", "cuda", "cuda:N", and "cuda:N,M" for several GPUs."""

import re

_FORM = re.compile(r"auto|cpu|cuda(:\d+(,\d+)*)?")


def gpus(device: str) -> tuple[int, ...]:
    """Numbers of the GPUs that a known name stands for; none for "auto" and "cpu".

    Examples
    --------
    >>> from gpubackprop.backends.device_names import gpus
    >>> gpus("cuda"), gpus("cuda:2,0"), gpus("auto")
    ((0,), (2, 0), ())
    """
    kind, _, numbers = device.partition(":")
    return tuple(map(int, (numbers or "0").split(","))) if kind == "cuda" else ()


def require_known_device(device: str) -> None:
    """Raise ValueError if a name has another form, or names a GPU twice."""
    if isinstance(device, str) and _FORM.fullmatch(device):
        numbers = gpus(device)
        if len(set(numbers)) == len(numbers):
            return
    raise ValueError(
        "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', or for several GPUs 'cuda:N,M' with "
        f"each number once, got {device!r}"
    )
