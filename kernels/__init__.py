"""The primitives of mini-batch backpropagation, one module per way to run them.

`protocol` says what each primitive means; `reference` is that meaning in NumPy; `compiled` runs it
as Numba loops and BLAS calls. Every module here holds the same functions with the same signatures.
"""
