"""Training beside other libraries and its own floors: what a person who decides looks at."""
