"""Machine code for the CPU: Numba compiles a loop once, the object file is kept and loaded again.

`layout` packs arguments, `compiler` turns a loop into an object file that starts at an `entry`,
`store` keeps those files, `loader` makes them callable, `requirements` says what is missing,
`kernel` puts all of them together. Only `compiler` and `entry` import Numba: a process that finds
every file in the store never pays for it.
"""
