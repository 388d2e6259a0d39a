"""What of scikit-learn's own code a fit relies on, repeats or has to look out for."""
