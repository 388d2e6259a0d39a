"""The data of backpropagation: parameters, workspaces, optimizers, and memory for them."""
