"""The primitives of mini-batch backpropagation, one module or package per way to run them.

`protocol` says what each primitive means. `reference` (NumPy), `compiled` (loops and BLAS calls)
and `cuda.primitives` (cuBLAS and fused passes) hold the same functions with the same parameters.
The machines share `kernel`, in which kernels are declared, `calls`, `elementwise`, the formulas of
one element, and `gemm`, the layout of a product. The CPU's loops are in `loops`, `update_loops`
and `replay_loops`, and `native` makes machine code of them.
"""
