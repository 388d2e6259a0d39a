import io

import pytest
from rich.console import Console

from gpubackprop import EpochRecord
from gpubackprop.cli.progress import TrainingProgress


def shown(console, records, score):
    with TrainingProgress(console, 5, score, ("validation accuracy", "test accuracy")) as progress:
        for record in records:
            progress(None, record)
    return console.file.getvalue()


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=100, _environ={})


def test_the_bar_shows_epoch_loss_and_test_score(terminal):
    text = shown(terminal, [EpochRecord(2, 0.125, None, 0.1)], score=lambda network: 0.75)
    assert "epoch 2/5" in text
    assert "loss 0.1250" in text
    assert "test accuracy 0.750" in text


def test_a_validation_score_spares_the_scoring(terminal):
    def score(network):
        raise AssertionError

    text = shown(terminal, [EpochRecord(1, 0.5, 0.25, 0.1)], score)
    assert "validation accuracy 0.250" in text


def test_scoring_takes_a_small_share_of_the_time(terminal, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr("gpubackprop.cli.progress.time.perf_counter", lambda: next(clock))
    asked = []

    def score(network):
        asked.append(1)
        return 0.0

    shown(terminal, [EpochRecord(1, 0.5, None, 0.1)] * 20, score)
    assert len(asked) == 1


def test_a_file_gets_no_bar():
    console = Console(file=io.StringIO())
    assert shown(console, [EpochRecord(1, 0.5, None, 0.5)], score=None) == ""
