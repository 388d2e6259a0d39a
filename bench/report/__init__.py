"""The report: figures that a run keeps, and the pages that show them."""
