"""What keeps a network from learning its examples by heart: `dropout` and `label_smoothing`.

They stand beside scikit-learn's `alpha`, an L2 penalty in the loss, and `weight_decay`, on which
`gpubackprop.guide.steps` has more. Dropout: N. Srivastava et al., 2014; label smoothing: C. Szegedy
et al., "Rethinking the inception architecture for computer vision", 2016.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from gpubackprop import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier((32, 32), dropout=(0.0, 0.2, 0.4), label_smoothing=0.1, tol=1)
>>> model.fit(X, y).predict_proba(X).shape
(150, 3)
"""

PARAMETERS = """
dropout : float or sequence of float, default=0.0
    Rate at which outputs of hidden layers are dropped while the network trains; what is kept is
    scaled by 1 / (1 - rate). A sequence has the inputs' rate first, then one for each hidden
    layer. `loss_curve_` is measured with dropout, predictions and validation scores without.
    `random_state` decides what is dropped, the same on every device and for any number of
    threads and processes; `warm_start` and `partial_fit` go on with new masks. The solver
    "lbfgs" has none.

label_smoothing : float, default=0.0
    s trains on (1 - s) Y + s / K in place of the K classes' Y of 0 and 1, and on
    (1 - s) Y + s / 2 for two classes or several labels; `loss_curve_` is measured with these
    targets.
"""
"""Parameters of this family, in numpydoc's form."""
