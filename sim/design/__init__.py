"""What a design says of itself: parameters, bench, vectors, and what a host sees."""
