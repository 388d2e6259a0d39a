"""What version 0.1.0 saved opens today, and predicts what it predicted then."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from typer.testing import CliRunner

from gpubackprop.cli.app import app

DATA = Path(__file__).parent / "data" / "0.1.0"

# scikit-learn warns where it is of another version than the one that wrote the pickle
pytestmark = pytest.mark.filterwarnings("ignore:Trying to unpickle")


def test_a_pickled_classifier():
    model = pickle.loads((DATA / "classifier.pickle").read_bytes())
    expected = [
        [0.3548565811872954, 0.2768481232686896, 0.3682952955440149],
        [0.3529737085098228, 0.28841065450872294, 0.35861563698145427],
    ]
    X, _ = load_iris(return_X_y=True)
    np.testing.assert_allclose(model.predict_proba(X[:2] / 8), expected, rtol=1e-12)


def test_a_pickled_network():
    net = pickle.loads((DATA / "network.pickle").read_bytes())
    cache = net.forward([1, 0.5])
    np.testing.assert_allclose(cache.A[-1], [[0.6961881077350311]], rtol=1e-12)
    assert cache.A[1] is not None  # of two layers with checkpoint=2 none is lost
    net.backward(cache, [1])


def test_a_model_file(tmp_path):
    table = tmp_path / "new.csv"
    table.write_text("a,b\n1,2\n2,1\n1,3\n")
    line = ["predict", str(DATA / "table.gpubackprop"), str(table)]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["prediction", "x", "y", "x"]
