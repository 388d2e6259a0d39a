"""What the CPU shows, beside other libraries and beside its floors: one module a section."""
