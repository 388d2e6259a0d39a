"""What stands in for a measuring process, without the seconds that a start takes."""

import json
import sys
from importlib import import_module

import pytest

from gpubackprop.bench.processes import service


class InThisProcess:
    """Service that answers as a process that is started would."""

    def __init__(self, _, module, *arguments, patience=None, wait=True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [module, *arguments])
            patch.setattr(service, "answer", self._keep)
            import_module(module).main()

    def _keep(self, ready, measure):
        self._measure = measure

    def ask(self, what=""):
        return json.loads(json.dumps(self._measure(what)))

    def get_ready(self):
        pass

    def close(self):
        pass
