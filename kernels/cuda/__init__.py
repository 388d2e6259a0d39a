"""The primitives on an NVIDIA GPU: cuBLAS products and fused Numba-CUDA passes.

`primitives` implements the protocol; the passes over memory are in `layers`, `updates` and `sums`,
four elements at a time as `vectors` moves them; `compiler` makes cubins of them.
"""
