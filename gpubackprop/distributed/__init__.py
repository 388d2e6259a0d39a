"""Data-parallel training: the ranks of an existing engine train one network together."""
