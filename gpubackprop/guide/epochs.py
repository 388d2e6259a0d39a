"""What epochs are made of and what comes after each: `shuffle`, validation, `history_`, callbacks.

Rows to validate with are held out of X by `early_stopping`, or given to `fit` as X_val and y_val;
given without `early_stopping` they are scored and stop nothing. `LossCurveDisplay` draws the
history; `gpubackprop.callbacks` has ready callbacks for `set_callbacks`, and `gpubackprop.Backup`
goes on with a fit that was killed.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from sklearn.model_selection import train_test_split
>>> from gpubackprop import MLPClassifier
>>> X, X_val, y, y_val = train_test_split(*load_iris(return_X_y=True), random_state=0)
>>> model = MLPClassifier(early_stopping=True, scoring="loss", tol=1, random_state=0)
>>> model.fit(X, y, X_val=X_val, y_val=y_val).history_[0].epoch
1
>>> len(model.validation_loss_curve_) == len(model.loss_curve_)
True
"""

PARAMETERS = """
shuffle : bool or "blocks", default=True
    Whether every epoch takes the rows in a new order. "blocks" is for an `X` that is memory-mapped
    and larger than memory, where rows in random order are read one by one: it shuffles blocks of
    256 KiB, mixes the rows of 256 of them at a time, and reads the next ones meanwhile. The order
    is drawn from `random_state`, differs with the type of X, of which a block has more or fewer
    rows, and is less random than that of True. The solver "lbfgs" refuses it.

scoring : str, callable or None, default=None
    What early stopping watches on the validation rows: "loss", the name of any scorer of
    scikit-learn, or a callable (estimator, X, y) that returns a number, the higher the better.
    Weights of the rows go to one that takes a `sample_weight`. None is accuracy, or R² of a
    regressor. The rows are held out by `early_stopping`, or given to `fit` as X_val; a `scoring`
    without any is refused.

callbacks : callable, sequence of callable or None, default=None
    Each is called after every epoch with the estimator and an `EpochRecord`; one that returns
    something true asks for a stop. Weights, learning rate, momentum and penalty that it changes
    in the estimator count from the next epoch on. The solver "lbfgs" has no epochs and calls
    none. A clone has copies of them, so that a recorder in a cross-validation stays empty (but
    a function is never copied); `set_callbacks` takes objects that all clones share.
"""
"""Parameters of this family, in numpydoc's form."""

ATTRIBUTES = """
validation_scores_ : list of float or None
    Score of the validation rows after every epoch, by `scoring`, the higher the better; None
    without such rows.

best_validation_score_ : float or None
    The best of them.

history_ : History
    An `EpochRecord` for every epoch: losses, validation score, learning rate and seconds;
    `history_.to_pandas()` is a data frame of them. The solver "lbfgs" makes none.

validation_loss_curve_ : list of float or None
    Loss of the validation rows after every epoch, without the L2 penalty; None without such
    rows.

best_epoch_ : int or None
    Epoch, from 1, with the best validation score, or without any with the lowest loss.
"""
"""Attributes of both estimators, in numpydoc's form."""
