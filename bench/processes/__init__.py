"""Processes that measure one contestant each, and the code that asks them in turn."""
