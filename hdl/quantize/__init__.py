"""Words to codes and scales: the search for the scale, buffers, rounders, and both designs."""
