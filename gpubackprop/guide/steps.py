"""How a gradient becomes a step: `solver`, `weight_decay`, `schedule`, `warmup` and `clip_norm`.

========  ======================================================================================
solver    step, of the gradient g with the learning rate eta
========  ======================================================================================
sgd       momentum, Nesterov's by default
adam      scikit-learn's Adam: eta sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)
adamw     PyTorch's Adam: eta m^ / (sqrt(v^) + epsilon), and `weight_decay` of 0.01
nadam     the same with Nesterov's momentum (T. Dozat, 2016)
rmsprop   eta g / (sqrt(v) + epsilon)
lion      eta sign(b1 m + (1 - b1) g) (X. Chen et al., "Symbolic discovery of optimization
          algorithms", 2023)
lbfgs     of all rows at once, by SciPy; none of the other options here
========  ======================================================================================

A schedule multiplies the learning rate of each batch by a factor:

==========  ====================================================================================
schedule    factor at the progress p from 0 to 1
==========  ====================================================================================
cosine      (1 + cos(pi p)) / 2
linear      1 - p
one_cycle   up from 1/25 to 1 until p = 0.3, then down to 1/250000, both along a cosine
log_cosine  four waves between 0 and 1, each twice as long as the one before
==========  ====================================================================================

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from gpubackprop import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier(
...     solver="adamw", schedule="one_cycle", clip_norm=1.0, max_iter=20, n_iter_no_change=10,
...     learning_rate_init=0.01, random_state=0, tol=10,
... )
>>> rates = [epoch.learning_rate for epoch in model.fit(X, y).history_]
>>> rates[0] < max(rates) > rates[-1]
True
"""

PARAMETERS = """
solver : {"lbfgs", "sgd", "adam", "adamw", "nadam", "rmsprop", "lion"}, default="adam"
    The last four are PyTorch's and the Lion of its authors, with `learning_rate_init` and as
    far as they have them `beta_1`, `beta_2` (the alpha of RMSprop) and `epsilon`, whose
    defaults are Adam's. "adamw" is Adam with a `weight_decay`, and epsilon added after the bias
    correction. What scikit-learn's texts on other parameters say
    of 'adam' alone holds for the last four too, as far as they have such a parameter.

weight_decay : float or None, default=None
    Share of the learning rate that each weight, and no bias, shrinks by in every step of any
    solver but "lbfgs": decoupled from the gradient, beside `alpha`, whose penalty is part of
    the loss. None is 0.01 with "adamw" and else 0.

schedule : {"cosine", "linear", "one_cycle", "log_cosine"}, callable or None, default=None
    Factor of `learning_rate_init` for each batch, as a function of the share of the batches of
    `max_iter` epochs that have been taken, from 0 towards 1. Training may stop before;
    `n_iter_no_change=max_iter` keeps it from that, and then its end is no cause for a
    ConvergenceWarning. `partial_fit` refuses it.

warmup : float, default=0.0
    Epochs at the beginning of `fit` in which the learning rate of each batch is raised
    linearly, as a factor on top of any other.

clip_norm : float or None, default=None
    Largest norm of a batch's gradient, all parameters together and without the penalty of
    `alpha`; a longer one is scaled to it. `history_` has the mean norm before that, which
    infinity measures without clipping.
"""
"""Parameters of this family, in numpydoc's form."""
