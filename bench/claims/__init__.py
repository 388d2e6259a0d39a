"""What the derivation claims of backpropagation, each claim measured."""
