"""Float tensors to block tensors: vectors and tiles, and the tensors that come out."""
