"""BF16 dot products to compare with."""
