"""Networks on the accelerator: from layers to programs and the memory that they run in."""
