"""The primitives of mini-batch backpropagation, one module or package per way to run them.

`protocol` says what each primitive means. `reference` (NumPy), `compiled` (loops and BLAS calls)
and `cuda.primitives` (cuBLAS and fused passes) hold the same functions with the same signatures.
`scalars` has the formulas of one element and `gemm` the layout of a product, which CPU and GPU
share; the CPU's loops are in `loops` and `control`, and `native` makes machine code of them.
"""
