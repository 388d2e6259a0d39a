"""The primitives of mini-batch backpropagation, one module per way to run them.

`protocol` says what each primitive means. `reference` and `compiled` hold the same functions with
the same signatures: NumPy, and loops with BLAS calls. The loops themselves are in `loops`,
`scalars` and `control`; `native` makes machine code of them.
"""
