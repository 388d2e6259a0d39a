"""Sections of the report that need a GPU, one module each, and what they share."""
