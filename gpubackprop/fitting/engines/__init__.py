"""Engines: what computes the epochs, or the loss of all rows, of a scikit-learn estimator."""
