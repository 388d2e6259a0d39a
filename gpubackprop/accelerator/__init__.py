"""scikit-learn's own MLPClassifier and MLPRegressor, with gpubackprop's engine in them."""
