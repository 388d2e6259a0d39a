"""scikit-learn's own estimator."""

from sklearn.neural_network import MLPClassifier

from ..contestants.estimator import EstimatorContestant
from ..problems import Problem


def enter(problem: Problem, dtype: str, activation: str) -> EstimatorContestant:
    return EstimatorContestant(MLPClassifier, problem, dtype, activation)
