"""Machine code for the CPU: Numba compiles a loop once, the object file is kept and loaded again.

`arguments` packs arguments, `compiler` turns a loop into an object file that starts at an `entry`,
`store` keeps those files, `loader` makes them callable, `requirements` says what is missing,
`launch` puts all of them together. Only `compiler`, `entry`, `intrinsics` and `denormals` import
Numba: a process that finds every file in the store never pays for it.
"""
