"""Ours on the reference backend: NumPy, driven by Python."""

from ... import MLPClassifier
from ..problems import Problem
from .estimator import EstimatorContestant


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation, backend="reference")
