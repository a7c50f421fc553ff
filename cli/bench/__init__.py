"""`steady bench`: measures the suite, and writes the figures into the docs."""
