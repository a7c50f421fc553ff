"""`steady bench`: measure the suite, and write the figures into the docs."""
