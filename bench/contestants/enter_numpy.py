"""Ours on the reference backend: NumPy, driven by Python."""

from ..contestants.estimator import EstimatorContestant
from ... import MLPClassifier
from ..problems import Problem


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation, backend="reference")
