"""Mini-batch training on any backend: epochs, batches, the memory that they take."""
