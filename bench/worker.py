"""One contestant in a process of its own.

    python bench/worker.py CONTESTANT PROBLEM DTYPE ACTIVATION [--seconds S] [--smallest]

It sets up, warms up and says so in a line of JSON; each line of input then asks for one
measurement, answered in another. In between it sleeps.
"""

import argparse
import math

from . import contestants
from .contestants.contestant import Contestant
from .problems import ACTIVATIONS, DTYPES, ON_GPU, find
from .service import decline, serve

WARM_EPOCHS = 2


def main() -> None:
    args = _arguments()
    try:
        problem = find(args.problem, args.smallest)
        contestant = contestants.enter(args.contestant, problem, args.dtype, args.activation)
    except ImportError as missing:
        decline(str(missing))
    warm = contestant.train(WARM_EPOCHS)
    epochs = _enough_epochs(contestant, warm.seconds, args.seconds)
    ready = {"losses": warm.losses, "epochs": epochs, "versions": contestant.versions()}

    def measure() -> dict[str, object]:
        return {"seconds": contestant.train(epochs).seconds}

    serve(ready, measure)


def _enough_epochs(contestant: Contestant, estimate: float, wanted: float) -> int:
    """How many epochs take about the wanted seconds; an estimate from few epochs is a poor one."""
    epochs = WARM_EPOCHS
    while estimate * epochs < wanted / 2:
        epochs = min(math.ceil(wanted / estimate), 10 * epochs)
        estimate = contestant.train(epochs).seconds
    return max(1, round(wanted / estimate))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contestant", choices=(*contestants.NAMES, *contestants.ON_GPU))
    parser.add_argument("problem", choices=ON_GPU)
    parser.add_argument("dtype", choices=DTYPES)
    parser.add_argument("activation", choices=ACTIVATIONS)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a measurement")
    parser.add_argument("--smallest", action="store_true", help="a toy form of the problem")
    return parser.parse_args()


if __name__ == "__main__":
    main()
