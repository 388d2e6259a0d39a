"""The README's search on Dask runs, on two workers."""

import re
import sys
from pathlib import Path

import pytest

from tests.distributed.test_processes import run_to_its_end

pytest.importorskip("dask", reason="Dask is not installed")

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_readmes_search(tmp_path):
    (program,) = re.findall(r"^```py\n(.*?dask.*?)^```", README, re.M | re.S)
    told = "search.cv_results_['mean_fit_time'].shape, search.best_score_ > 0.5"
    path = tmp_path / "search.py"
    path.write_text(program + f"    print({told})\n")
    returned, output = run_to_its_end([sys.executable, "-W", "ignore", str(path)])
    assert returned == 0, output
    assert "'alpha': " in output
    assert "(2,) True" in output
