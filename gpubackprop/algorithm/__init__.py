"""What backpropagation works on: parameters, workspaces, optimizers, and the memory they lie in."""
