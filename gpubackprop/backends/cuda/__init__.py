"""The GPU's backend: cuBLAS products and fused kernels on an NVIDIA device."""
