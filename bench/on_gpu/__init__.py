"""What only a GPU can show: one module a section, and what they share."""
