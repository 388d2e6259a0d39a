"""Callbacks of a fit: what they hear, what they may change, and how a model keeps them."""
