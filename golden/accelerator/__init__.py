"""The accelerator: a matrix engine whose programs and tensors lie in memory."""
