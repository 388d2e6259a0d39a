"""What only a GPU can show, one module a table."""
