"""The function sigma that a layer's units compute: `activation` and `out_activation`.

`activation` is that of the hidden layers, one name for all or a sequence of one for each.

============  ======================================  ==========================================
name          sigma(z)                                source
============  ======================================  ==========================================
identity      z
logistic      1 / (1 + exp(-z))
tanh          tanh z
relu          max(0, z)
leaky_relu    max(z / 100, z)                         A. Maas et al., 2013
elu           z where z > 0, else exp(z) - 1          D.-A. Clevert et al., 2015
selu          1.0507 elu(z), with alpha = 1.6733      G. Klambauer et al., 2017
gelu          z Phi(z), exact                         D. Hendrycks and K. Gimpel, 2016
silu          z / (1 + exp(-z))                       S. Elfwing et al., 2017
mish          z tanh(log(1 + exp(z)))                 D. Misra, 2019
softplus      log(1 + exp(z))                         C. Dugas et al., 2000
hardtanh      z, at least -1 and at most 1
============  ======================================  ==========================================

Examples
--------
>>> import numpy as np
>>> from gpubackprop import MLPRegressor
>>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
>>> model = MLPRegressor(
...     hidden_layer_sizes=(8, 8), activation=("gelu", "tanh"), out_activation="logistic",
...     random_state=0, tol=1,
... )
>>> predictions = model.fit(X, X[:, 0] > 0).predict(100 * X)
>>> bool((predictions >= 0).all() and (predictions <= 1).all())
True
"""

PARAMETERS = """
activation : str or sequence of str, default="relu"
    Of the hidden layers, or of each: scikit-learn's "identity", "logistic", "tanh", "relu", and
    "leaky_relu" (slope 0.01), "elu", "selu", "gelu" (z Phi(z), not its approximation by tanh),
    "silu", "mish", "softplus" and "hardtanh". Initial weights are drawn for it: so that a
    layer keeps the mean square of its input, for "selu" with LeCun's variance 1 / fan_in.

out_activation : str or None, default=None
    Of the outputs, so that predictions stay in its range: "logistic" (0 to 1), "tanh",
    "hardtanh" (-1 to 1), "relu", "softplus" (at least 0), "leaky_relu", "elu", "selu" or
    "identity". None is the loss's own: "exp" for "poisson" and "gamma", else "identity".
"""
"""Parameters of this family, in numpydoc's form."""
