"""scikit-learn's own estimator."""

from problems import Problem
from sklearn.neural_network import MLPClassifier

from contestants.estimator import EstimatorContestant


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation)
