import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gpubackprop.cli.app import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command line in an empty folder; what the user sees is in its output."""
    monkeypatch.chdir(tmp_path)

    def invoke(line, code=0):
        result = CliRunner().invoke(app, line.split(), env={"COLUMNS": "200"})
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    return invoke


@pytest.fixture
def houses(tmp_path):
    """A table with numbers, categories, true/false, gaps, and columns that teach nothing."""
    draw = np.random.default_rng(0)
    n = 200
    table = pd.DataFrame(
        {
            "house_id": range(n),
            "area": draw.uniform(30, 200, n),
            "city": draw.choice(["Oslo", "Bergen", "Århus"], n),
            "garden": pd.Series(draw.choice([True, False], n), dtype=object),
            "remark": [f"remark {i}" for i in range(n)],
        }
    )
    table["price"] = 5e5 + table["area"] * 2000 + (table["city"] == "Oslo") * 90000
    table.loc[::40, "area"] = None
    table.loc[::41, "city"] = None
    table.loc[::43, "garden"] = None
    table.to_csv(tmp_path / "houses.csv", index=False)
    return table


@pytest.fixture
def flowers(tmp_path):
    """Two measured columns and three kinds that they tell apart."""
    draw = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 30)
    table = pd.DataFrame({"long": kind * 5 + draw.normal(size=90), "wide": draw.normal(size=90)})
    table["kind"] = np.array(["iris", "lily", "rose"])[kind]
    table.to_csv(tmp_path / "flowers.csv", index=False)
    return table
