"""Sections of the report that are measured on the CPU, one module each."""
