"""What training minimises: `loss`, its constants, and a classifier's `class_weight`.

With r = prediction - y, p the probability of the true class:

==============  =====================================================  =========================
loss            of one output                                          constant
==============  =====================================================  =========================
log_loss        -log p
focal           -(1 - p)^gamma log p                                   focal_gamma
squared_error   r^2 / 2
absolute_error  |r|
huber           r^2 / 2 where |r| <= delta, else delta (|r| - delta/2)  huber_delta
log_cosh        log cosh r
quantile        (1 - q) r where r > 0, else -q r                       quantile, a level or several
poisson         y log(y / prediction) - y + prediction
gamma           y / prediction - log(y / prediction) - 1
==============  =====================================================  =========================

`gpubackprop.kernels.formulas.Loss` has their derivatives. The focal loss is of T.-Y. Lin et al.,
"Focal loss for dense object detection", 2017. A constant of another loss than the one named is
refused. A hinge is left out: its outputs are no probabilities, which `predict_proba` and the label
at the threshold of 1/2 are made from.

Examples
--------
>>> import numpy as np
>>> from gpubackprop import MLPRegressor
>>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
>>> model = MLPRegressor("quantile", quantile=(0.1, 0.9), sort_quantiles=True, tol=1)
>>> low, high = model.fit(X, X[:, 0]).predict(X).T
>>> bool((low <= high).all())
True
"""

OF_A_CLASSIFIER = """
loss : {"log_loss", "focal"}, default="log_loss"
    The focal loss weighs an example of probability p by (1 - p)^gamma: those that are
    predicted well count less. `predict_proba` is then less sure than with "log_loss".

focal_gamma : float, default=2.0
    Exponent of the focal loss; 0 is the log loss.

class_weight : dict, list of dict, "balanced" or None, default=None
    Weights of the classes, {label: weight}, by which the weights of their examples are
    multiplied, in the loss and in the score that early stopping watches. "balanced" is
    n_samples / (n_classes * np.bincount(y)), which `partial_fit` refuses. For labels of several
    columns a list of a dict {0: weight, 1: weight} for each: an example's weight is the
    product.
"""
"""Parameters of a classifier, in numpydoc's form."""

OF_A_REGRESSOR = """
loss : str, default="squared_error"
    "squared_error", "poisson", "gamma" (outputs are exponentials, y is above 0),
    "absolute_error", "huber", "log_cosh" or "quantile"; of several outputs their sum, but of
    "squared_error" the mean, as scikit-learn has it.

huber_delta : float, default=1.0
    Error from which on the loss "huber" grows linearly.

quantile : float, sequence of float or None, default=None
    Level of the loss "quantile", or several, each with an output of its own, for y of one
    column; None is the median, 0.5. `score` is the mean over the levels of D², the share of
    the pinball loss that is explained, which early stopping watches too.

sort_quantiles : bool, default=False
    Sort each example's predictions, so that no level's is above a higher one's.
"""
"""Parameters of a regressor, in numpydoc's form."""
