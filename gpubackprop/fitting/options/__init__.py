"""Parameters that scikit-learn does not have, and what each of them means for the algorithm."""
