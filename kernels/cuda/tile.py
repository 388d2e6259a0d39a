"""How a matrix is dealt out to threads: tiles of 32 columns, four to a thread, by 32 rows.

Eight threads side by side read 128 bytes of a row of float32, a cache line; a block's 32 rows of
threads go down the matrix in steps, so that each thread meets its four columns again and again and
can keep their bias, or their sum, in registers.
"""

WIDTH = 4
"""Neighbouring elements that a thread handles together."""
LANES = 8
"""Threads along a row."""
ROWS = 32
"""Threads along a column."""
THREADS = LANES * ROWS
COLUMNS = LANES * WIDTH
"""Columns of a tile."""
TILE = ROWS * COLUMNS
"""Elements of a tile."""
WARP = 32
"""Threads that run in step and can hand values to each other."""
WARPS = THREADS // WARP
WIDEST = 16
"""Bytes of the widest load; rows of matrices start on multiples of it."""
