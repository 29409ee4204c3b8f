"""The designs by name, their parameters, and a variant of each with chosen ports."""
