"""The matrix engine: commands, tile stores, the array of dot products, results."""
