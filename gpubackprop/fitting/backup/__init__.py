"""The state of a fit in a file, from which another process goes on."""
