"""What `gpu.py` measures, one module a table."""
