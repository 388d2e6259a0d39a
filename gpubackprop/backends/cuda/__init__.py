"""The GPU's backend: detection, memory, fusion of a recorded step, and its CUDA Graph."""
