"""What numbers mean: elements, scales, words, blocks, and the names of all of them."""
