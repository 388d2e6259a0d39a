"""Machine code for the CPU: Numba compiles a loop once, the object file is kept and loaded again.

`layout` packs arguments, `compiler` turns a loop into an object file, `store` keeps those files,
`loader` makes them callable, `kernel` puts the four together. Only `compiler` imports Numba, so a
process that finds every object file in the store never pays for it.
"""
