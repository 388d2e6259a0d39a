"""Processes that measure, each on its own, and what asks them in turn."""
