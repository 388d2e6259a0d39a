"""Claims of the derivation about backpropagation, each measured."""
