"""Ours, as a user gets it."""

from ..contestants.estimator import EstimatorContestant
from ... import MLPClassifier
from ..problems import Problem


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation, device="cpu")
