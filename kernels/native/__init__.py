"""Machine code for the CPU: it comes with the package, or is compiled once, kept and loaded again.

`arguments` packs arguments, `compiler` turns a loop into an object file that starts at an `entry`,
for one of the `targets`; `shipped` finds what came along, `store` keeps the rest, each belonging to
its `sources`. `loader` makes object files callable, `requirements` says what is missing, `launch`
puts all of them together. Only `compiler`, `entry`, `intrinsics` and `denormals` import Numba: a
process that finds every kernel compiled never pays for it.
"""
