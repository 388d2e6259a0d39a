"""Several networks as one model, which predicts their mean: scikit-learn's voting estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def mean_of(networks: Sequence[Any]) -> Any:
    """Make a model that predicts the mean of networks; a single network is returned itself.

    All are fitted, on the same classes; several become a VotingClassifier of their probabilities,
    or a VotingRegressor.
    """
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.frozen import FrozenEstimator

    first = networks[0]
    if len(networks) == 1:
        return first
    voters = [(str(number), FrozenEstimator(one)) for number, one in enumerate(networks)]
    if not hasattr(first, "classes_"):
        return VotingRegressor(voters).fit(first.coefs_[0], first.coefs_[0][:, 0])
    return VotingClassifier(voters, voting="soft").fit(first.classes_[:, None], first.classes_)


def networks_of(model: Any) -> list[Any]:
    """Take the networks out of what :func:`mean_of` made."""
    return [voter.estimator for _, voter in getattr(model, "estimators", ())] or [model]
