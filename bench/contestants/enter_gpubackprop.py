"""Ours, as a user gets it."""

from ... import MLPClassifier
from ..problems import Problem
from .estimator import EstimatorContestant


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation, device="cpu")
