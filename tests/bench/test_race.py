"""A race of contestants that cannot be had here: they are left out, unless they are ours."""

import contestants
import pytest
import service
from on_gpu import race
from service import UnavailableError


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(service, "PAUSE", 0)


def test_ours_and_one_that_is_not_there():
    """On the CPU: what a race needs of a contestant is the same there."""
    figures = race.race("tiny", contestants.OURS, ("no_such_contestant", "numpy"), quick=True)
    assert set(figures["seconds"]) == {contestants.OURS, "numpy"}
    assert all(len(seconds) == 2 for seconds in figures["seconds"].values())
    assert "invalid choice" in figures["left out"]["no_such_contestant"]
    assert figures["losses differ by"]["numpy"] < 1e-4
    assert figures["something else"] == []


def test_without_ours_there_is_no_race():
    with pytest.raises(UnavailableError, match="invalid choice"):
        race.race("tiny", "no_such_contestant", ("numpy",), quick=True)
