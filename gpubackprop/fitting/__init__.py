"""scikit-learn's side of a fit: its checks, state and epoch loop in the terms of the algorithm."""
