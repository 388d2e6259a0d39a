"""Ours on the reference backend: NumPy, driven by Python."""

from problems import Problem

from contestants.estimator import EstimatorContestant
from gpubackprop import MLPClassifier


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation, backend="reference")
