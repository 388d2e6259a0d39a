"""scikit-learn's own estimator."""

from sklearn.neural_network import MLPClassifier

from ..problems import Problem
from .estimator import EstimatorContestant


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation)
