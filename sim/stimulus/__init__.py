"""What goes into designs and what must come out: words, blocks, scripts, vectors."""
