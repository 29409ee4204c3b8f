"""The block dot product: decoder, exact sum of products, accumulator."""
