"""Where and how an estimator computes: `device`, `backend`, `precision` and `checkpoint`.

They change how long a fit takes and how much memory it needs, and the numbers by no more than
rounding does. What a backend cannot compute is handed down to the next one, and the log of the name
"gpubackprop" says why.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from gpubackprop import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier((8, 8, 8), precision="float32", checkpoint="sqrt", random_state=0, tol=1)
>>> model.fit(X, y).coefs_[0].dtype
dtype('float32')
"""

PARAMETERS = """
device : {"auto", "cpu", "cuda", "cuda:N", "cuda:N,M"}, default="auto"
    Where to train. "cuda" without a usable GPU is a RuntimeError that says what is missing;
    "auto" takes a GPU where one works and the network and data are large enough to gain.
    `X` on a GPU, an array of CuPy or of any library that speaks DLPack, is trained on and
    predicted on that GPU; predictions are CuPy's arrays; `y` and `sample_weight` follow X.
    With several numbers, as in "cuda:0,1", each of these GPUs takes its slice of every
    mini-batch, in a thread of this process; `X` is in the process's memory, and a prediction is
    the first one's. NCCL adds the gradients up, which has never run on a GPU.

backend : {"auto", "compiled", "reference"}, default="auto"
    How to compute on the CPU: machine code or plain NumPy.

precision : {"auto", "float64", "float32", "tf32", "bf16"}, default="auto"
    Type to compute in, "auto" that of `X`, or float64 with the solver "lbfgs". The last two
    are float32 with operands of matrix products rounded to 10 or 7 bits of fraction, on a GPU;
    the CPU computes in float32.

checkpoint : int, "sqrt" or None, default=None
    k keeps the activations of every k-th layer while it trains and computes the others again in
    the backward pass: less memory for part of a forward pass, the same weights to the last bit.
    "sqrt" is k = round(sqrt(L)) for L layers with weights, which takes the least memory. None
    keeps all.
"""
"""Parameters of this family, in numpydoc's form."""
